/**
 * What servers of each version wrote: rows of every table, as its columns were then. Whoever adds a migration after
 * another one writes here what the tables of that other one hold.
 */

const at = (day: number): string => `'2026-01-${String(day).padStart(2, '0')}T12:00:00.123Z'`
const hour = (day: number): string => `'2026-01-${String(day).padStart(2, '0')}T12:00:00Z'`
const hash = (of: string): string => `sha256('${of}')`

/** By migration: run once that one is done and the next is not. */
export const OLD_ROWS: Record<string, string[]> = {
  'm0001-first-tables': [
    `insert into tenant (id, name, email, plan, status, created_at) values
      ('ten_acme', 'Acme', 'dev@acme.example', 'growth', 'active', ${at(1)}),
      ('ten_loja', 'Loja', 'dev@loja.example', 'free', 'suspended', ${at(2)})`,
    `insert into api_key (id, tenant_id, name, prefix, hash, created_at, last_used_at, revoked_at) values
      ('key_live', 'ten_acme', 'server', 'a1b2c3d4', ${hash('live')}, ${at(1)}, ${at(9)}, null),
      ('key_gone', 'ten_acme', 'old', 'e5f6a7b8', ${hash('gone')}, ${at(1)}, null, ${at(3)})`,
    `insert into instance (id, tenant_id, name, description, sandbox, wanted, linked, state, last_error, phone_number, lid,
        qr, qr_expires_at, state_at, created_at, updated_at) values
      ('inst_bot', 'ten_acme', 'bot', 'answers', false, false, true, 'disconnected', null, '5511988880000',
        '20000000000001@lid', null, null, ${at(2)}, ${at(1)}, ${at(2)}),
      ('inst_new', 'ten_acme', 'new', null, true, false, false, 'disconnected', null, null, null, null, null,
        ${at(3)}, ${at(3)}, ${at(3)}),
      ('inst_lost', 'ten_loja', 'bot', null, false, false, false, 'logged_out', 'The phone unlinked this device', null, null,
        null, null, ${at(4)}, ${at(2)}, ${at(4)})`,
    `insert into credential values ('inst_bot', '\\x0001feff')`,
    `insert into signal_key values ('inst_bot', 'session', '5511999990001.0', '\\x00ff'), ('inst_bot', 'pre-key', '7', '\\x07')`,
    `insert into inbox (instance_id, hash, stanza, plain, created_at, settled_at) values
      ('inst_bot', ${hash('settled')}, '{"id":"3EB0A1","from":"5511999990001@s.whatsapp.net"}', '\\x0a02', ${at(5)}, ${at(5)}),
      ('inst_bot', ${hash('waiting')}, '{"id":"3EB0A2","from":"5511999990001@s.whatsapp.net"}', '\\x0a03', ${at(6)}, null)`,
    // A phone, the same person by lid, a lid without a phone, a group; one of them was stored twice, once by each name.
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat_id, lid, phone_number, sender, direction, type, status,
        content, payload, error_code, error_message, raw, timestamp, created_at, attempts) values
      ('msg_01', 'ten_acme', 'inst_bot', '3EB001', '5511999990001@s.whatsapp.net', null, '5511999990001',
        '5511988880000@s.whatsapp.net', 'outbound', 'text', 'read', '{"text":"olá"}', '\\x0001', null, null, null, ${at(5)}, ${at(5)}, 1),
      ('msg_02', 'ten_acme', 'inst_bot', '3EB002', '5511999990001@s.whatsapp.net', '10000000000001@lid', '5511999990001',
        '5511999990001@s.whatsapp.net', 'inbound', 'text', 'delivered', '{"text":"oi"}', null, null, null, '{"key":{}}', ${at(5)}, ${at(5)}, 0),
      ('msg_03', 'ten_acme', 'inst_bot', '3EB002', '10000000000001@lid', '10000000000001@lid', null,
        '10000000000001@lid', 'inbound', 'text', 'delivered', '{"text":"oi"}', null, null, null, null, ${at(5)}, ${at(5)}, 0),
      ('msg_04', 'ten_acme', 'inst_bot', '3EB004', '10000000000001@lid', '10000000000001@lid', null,
        '10000000000001@lid', 'inbound', 'text', 'delivered', '{"text":"tudo bem?"}', null, null, null, null, ${at(6)}, ${at(6)}, 0),
      ('msg_05', 'ten_acme', 'inst_bot', '3EB005', '10000000000005@lid', '10000000000005@lid', null,
        '10000000000005@lid', 'inbound', 'text', 'delivered', '{"text":"hi"}', null, null, null, null, ${at(6)}, ${at(6)}, 0),
      ('msg_06', 'ten_acme', 'inst_bot', '3EB006', '120363000000000001@g.us', null, null,
        '5511999990001@s.whatsapp.net', 'inbound', 'text', 'delivered', '{"text":"all"}', null, null, null, null, ${at(7)}, ${at(7)}, 0),
      ('msg_07', 'ten_acme', 'inst_bot', '3EB007', '5511999990007@s.whatsapp.net', null, '5511999990007',
        '5511988880000@s.whatsapp.net', 'outbound', 'text', 'failed', '{"text":"?"}', null, 'expired', 'too old', null, ${at(7)}, ${at(7)}, 4),
      ('msg_08', 'ten_acme', 'inst_bot', '3EB008', '5511999990007@s.whatsapp.net', null, '5511999990007',
        '5511988880000@s.whatsapp.net', 'outbound', 'text', 'pending', '{"text":"!"}', '\\x0008', null, null, null, ${at(8)}, ${at(8)}, 0)`,
    `insert into event (id, tenant_id, instance_id, type, data, created_at) values
      ('evt_01', 'ten_acme', 'inst_bot', 'connection.update', '{"state":"connected"}', ${at(4)}),
      ('evt_02', 'ten_acme', 'inst_bot', 'message.received', '{"id":"msg_02"}', ${at(5)}),
      ('evt_03', 'ten_loja', 'inst_lost', 'connection.update', '{"state":"logged_out"}', ${at(5)}),
      ('evt_04', 'ten_acme', 'inst_bot', 'message.status', '{"message_id":"msg_01","status":"read"}', ${at(5)})`,
  ],
  'm0002-accounts': [
    `insert into session (id, tenant_id, token_hash, created_at, expires_at, last_seen_at)
      values ('ses_acme', 'ten_acme', ${hash('session')}, ${at(8)}, ${at(30)}, ${at(9)})`,
    `insert into sign_in_link (hash, email, name, created_at, expires_at) values
      (${hash('link')}, 'dev@acme.example', null, ${at(8)}, ${at(8)}),
      (${hash('other link')}, 'new@shop.example', 'Shop', ${at(8)}, ${at(8)})`,
    `insert into mail (id, letter, attempts, next_attempt_at, expires_at, created_at)
      values ('mail_01', '\\x00aa', 2, ${at(8)}, ${at(30)}, ${at(8)})`,
    `insert into mail_request values (${hash('dev@acme.example')}, array[${at(7)}, ${at(8)}]::timestamptz[], ${at(8)})`,
    `insert into audit_log (id, tenant_id, actor, action, target, ip, request_id, at) values
      ('aud_01', 'ten_acme', '{"kind":"session","id":"ses_acme"}', 'api_key.revoke', 'key_gone', '127.0.0.1', 'req_1', ${at(8)}),
      ('aud_02', null, '{"kind":"operator"}', 'tenant.suspend', 'ten_loja', null, null, ${at(8)})`,
  ],
  'm0003-rate-buckets': [`insert into rate_bucket values ('ten_acme', ${at(9)}, 17), ('ses_acme', ${at(9)}, 1)`],
  'm0004-messages': [
    `insert into instance_lease values ('inst_bot', 'node_one', 3, ${at(10)})`,
    `insert into instance (id, tenant_id, name, sandbox, created_at) values ('inst_late', 'ten_acme', 'late', true, ${at(10)})`,
    `insert into event_counter values ('inst_late', 1)`,
    `insert into event (id, tenant_id, instance_id, type, about, seq, data, created_at)
      values ('evt_05', 'ten_acme', 'inst_late', 'connection.update', 'inst_late', 1, '{"state":"connecting"}', ${at(10)})`,
    `insert into chat (id, tenant_id, instance_id, group_jid, phone, lid, name, unread_count, archived, pinned_at, last_message_at, created_at)
      values
      ('chat_person', 'ten_acme', 'inst_late', null, '5511999990009@s.whatsapp.net', '10000000000009@lid', 'Ana', 2, false, ${at(11)}, ${at(12)}, ${at(11)}),
      ('chat_people', 'ten_acme', 'inst_late', '120363000000000009@g.us', null, null, 'Team', 0, true, null, null, ${at(11)})`,
    `insert into message (id, tenant_id, instance_id, chat, whatsapp_id, sender, direction, type, status, content, payload, timestamp,
        created_at, action_of, quoted_message_id, mentions, reactions, edited_at, deleted_at, counted_in, media_id) values
      ('msg_21', 'ten_acme', 'inst_late', 'chat_person', '3EB021', '5511988880009@s.whatsapp.net', 'outbound', 'image', 'read',
        '{"caption":"a dot"}', '\\x0021', ${at(11)}, ${at(11)}, null, null, '{5511999990009@s.whatsapp.net}',
        '[{"sender":"5511999990009@s.whatsapp.net","emoji":"🎉","at":"2026-01-11T12:00:00.000Z"}]', ${at(12)}, null, ${at(1)}, 'med_out'),
      ('msg_22', 'ten_acme', 'inst_late', 'chat_person', '3EB022', '5511988880009@s.whatsapp.net', 'outbound', 'edit', 'sent',
        '{"caption":"a dot"}', '\\x0022', ${at(12)}, ${at(12)}, 'msg_21', null, '{}', '[]', null, null, null, null),
      ('msg_23', 'ten_acme', 'inst_late', 'chat_people', '3EB023', '5511999990009@s.whatsapp.net', 'inbound', 'text', 'delivered',
        '{"text":null}', null, ${at(12)}, ${at(12)}, null, 'msg_21', '{}', '[]', null, ${at(12)}, null, null)`,
    `insert into receipt values ('msg_21', 'inst_late', '5511999990009@s.whatsapp.net', 'read', ${at(12)})`,
    `insert into contact (id, tenant_id, instance_id, phone, lid, name, push_name, verified_name, updated_at) values
      ('con_01', 'ten_acme', 'inst_late', '5511999990009@s.whatsapp.net', '10000000000009@lid', 'Ana', 'ana', null, ${at(11)}),
      ('con_02', 'ten_acme', 'inst_late', '5511999990010@s.whatsapp.net', '10000000000010@lid', null, null, null, ${at(11)})`,
    `insert into chat_group (chat, tenant_id, instance_id, subject, owner, announce, participant_count, participants, created_at, updated_at)
      values ('chat_people', 'ten_acme', 'inst_late', 'Team', '5511999990009@s.whatsapp.net', true, 1,
        '[{"id":"5511999990009@s.whatsapp.net","role":"admin"}]', ${at(11)}, ${at(11)})`,
    `insert into media (id, tenant_id, instance_id, message_id, mime_type, size_bytes, sha256, filename, storage_key, remote, failure,
        sniffed_type, attempts, next_attempt_at, created_at, stored_at) values
      ('med_out', 'ten_acme', 'inst_late', null, 'image/png', 70, ${hash('dot')}, 'dot.png', 'inst_late/med_out', null, null, 'image/png',
        0, null, ${at(11)}, ${at(11)}),
      ('med_in', 'ten_acme', 'inst_late', 'msg_23', 'video/mp4', 9000000000, null, null, null, '\\x00ee', 'gone', null, 3, null, ${at(12)}, null)`,
    `insert into media_garbage values ('inst_late/med_none', ${at(12)})`,
    `insert into first_answer (tenant_id, key, fingerprint, result, claimed_by, claimed_until, created_at, expires_at) values
      ('ten_acme', 'order-7', ${hash('order-7')}, '\\x00cc', null, ${at(12)}, ${at(12)}, ${at(13)})`,
    `insert into usage values ('ten_acme', ${at(1)}, ${at(31)}, 12)`,
  ],
  'm0005-webhooks': [
    `insert into webhook (id, tenant_id, instance_id, url, events, active, secret, previous_secret, previous_until, disabled_at,
        disabled_reason, deleted_at, created_at, updated_at) values
      ('whk_live', 'ten_acme', 'inst_late', 'https://127.0.0.1/live', '{message.received,message.status}', true, '\\x0001', '\\x0002', ${at(14)},
        null, null, null, ${at(13)}, ${at(13)}),
      ('whk_gone', 'ten_acme', 'inst_late', 'https://127.0.0.1/gone', '{message.received}', false, '\\x0003', null, null,
        ${at(13)}, 'gone', ${at(14)}, ${at(13)}, ${at(14)})`,
    `insert into event (id, tenant_id, instance_id, type, about, seq, data, created_at, kept_until)
      values ('evt_06', 'ten_acme', 'inst_late', 'message.received', 'msg_23', 2, '{"id":"msg_23"}', ${at(13)}, ${at(31)})`,
    `insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat, status, attempts, tries, error,
        next_attempt_at, created_at, finished_at) values
      ('del_01', 'ten_acme', 'inst_late', 'whk_live', 'evt_06', 'message.received', 2, 'chat_people', 'delivered', 1,
        '[{"at":"2026-01-13T12:00:00.000Z","status":200}]', null, null, ${at(13)}, ${at(13)}),
      ('del_02', 'ten_acme', 'inst_late', 'whk_gone', 'evt_06', 'message.received', 2, 'chat_people', 'failed', 4, '[]', 'gone',
        null, ${at(13)}, ${at(14)})`,
  ],
  'm0006-nodes': [
    `insert into node (id, host, process, connections, version, started_at, beats, beat_at, expires_at, lag_ms, draining) values
      ('node_one', 'a.example', 'a:1:1', 'wataki node_one', '0.4.0', ${at(20)}, 7, ${at(20)}, ${at(21)}, 0.25, false),
      ('node_two', 'b.example', 'b:1:1', 'wataki node_two', '0.4.0', ${at(20)}, 9, ${at(20)}, ${at(21)}, 3, true)`,
    `insert into command (id, node_id, asked_by, instance_id, kind, args, created_at, expires_at, taken_at, answer) values
      ('cmd_01', 'node_one', 'node_two', 'inst_bot', 'disconnect', '{}', ${at(20)}, ${at(21)}, ${at(20)}, '{"done":true}'),
      ('cmd_02', 'node_two', 'node_one', 'inst_late', 'connect', '{}', ${at(20)}, ${at(21)}, null, null)`,
    `insert into instance_lease (instance_id, owner, epoch) values ('inst_late', 'node_two', 1)`,
  ],
  'm0007-billing': [
    `update tenant set cycle_anchor = ${at(22)} where id = 'ten_acme'`,
    `insert into billing (tenant_id, heard, settled, check_at, customer_no, account_id, customer_id, checkout_no, checkout_plan,
        checkout_begun_at, checkout_id, checkout_url, subscription_id, plan, status, period_end, ends_at, grace_ends_at) values
      ('ten_acme', 5, 4, ${at(24)}, 1, 'acct_1', 'cus_1', 1, null, null, null, null, 'sub_1', 'growth', 'past_due', ${at(23)},
        ${at(29)}, ${at(30)}),
      ('ten_loja', 1, 0, ${at(24)}, 2, null, null, 3, 'scale', ${at(22)}, 'cs_1', 'https://127.0.0.1/pay/cs_1', null, null, null,
        null, null, null)`,
    `insert into duplicate_subscription (id, tenant_id, found_at, ended_at, refunded) values
      ('sub_2', 'ten_acme', ${at(22)}, ${at(23)}, true), ('sub_3', 'ten_acme', ${at(23)}, null, null)`,
  ],
  'm0008-rollups': [
    `insert into event (id, tenant_id, instance_id, type, about, seq, data, created_at, kept_until, passed)
      values ('evt_07', 'ten_acme', 'inst_late', 'message.status', 'msg_21', 3, '{"message_id":"msg_21","status":"read"}', ${at(25)},
        ${at(31)}, '{sent,delivered}')`,
    `insert into rollup_mark values ('inst_bot', 3), ('inst_late', 2)`,
    `insert into message_rollup (tenant_id, instance_id, hour, sent, delivered, read, failed, received)
      values ('ten_acme', 'inst_late', ${hour(25)}, 5, 4, 3, 2, 1)`,
    `insert into webhook_rollup (tenant_id, instance_id, hour, webhook_id, delivered, failed, retried)
      values ('ten_acme', 'inst_late', ${hour(25)}, 'whk_live', 3, 2, 1)`,
    `insert into connection_rollup (tenant_id, instance_id, hour, uptime_ms, reconnects, failures)
      values ('ten_acme', 'inst_late', ${hour(25)}, 3600000, 2, 1)`,
    `insert into api_rollup (tenant_id, grain, hour, method, route, requests, errors, t3) values
      ('ten_acme', 'hour', ${hour(25)}, '', '', 2, 1, 2),
      ('ten_acme', 'route_day', ${hour(25)}, 'GET', '/v1/instances', 2, 1, 2)`,
    `insert into api_batch values ('cnt_01', ${at(25)})`,
    `insert into recent_error (tenant_id, instance_id, at, category, code, message) values
      ('ten_acme', 'inst_late', ${at(25)}, 'messages', 'expired', 'too old'), ('ten_acme', null, ${at(25)}, 'api', 'not_found', 'gone')`,
  ],
}

/**
 * What a migration takes away on purpose, by table: columns, and rows by their ids. All else that was there is there
 * afterwards, with the same values.
 */
export const TAKEN: Record<string, Record<string, { columns: string[]; rows: string[] }>> = {
  'm0004-messages': { message: { columns: ['chat_id', 'lid', 'phone_number'], rows: ['msg_03'] } },
}
