import { Migration } from '@mikro-orm/migrations'

export class M0004Messages extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // Who may write for an instance. Every write of keys, credentials, state and outbox carries the epoch.
  `create table instance_lease (
    instance_id text primary key references instance on delete cascade,
    owner text not null,
    epoch bigint not null check (epoch > 0),
    expires_at timestamptz(3) not null
  ) with (fillfactor = 50)`,

  // A number for each event of an instance, in the order of the commits: the row is locked until then.
  `create table event_counter (
    instance_id text primary key references instance on delete cascade,
    last_seq bigint not null default 0
  ) with (fillfactor = 40)`,
  'insert into event_counter (instance_id) select id from instance',
  'alter table event add seq bigint',
  'alter table event add about text',
  `update event set seq = numbered.seq, about = coalesce(event.data ->> 'message_id', event.data ->> 'id', event.instance_id)
     from (select id, row_number() over (partition by instance_id order by id) as seq from event) as numbered
     where numbered.id = event.id`,
  `update event_counter set last_seq = coalesce(
     (select max(seq) from event where event.instance_id = event_counter.instance_id), 0)`,
  'alter table event alter seq set not null, alter about set not null',
  'create unique index event_by_seq on event (instance_id, seq)',
  'create index event_by_age on event (created_at)',
  'drop index event_by_instance',

  // One chat, whichever of its names a stanza uses. A group has only its jid; a person a phone, a lid, or both.
  `create table chat (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    group_jid text,
    phone text,
    lid text,
    name text,
    unread_count integer not null default 0 check (unread_count >= 0),
    archived boolean not null default false,
    pinned_at timestamptz(3),
    muted_until timestamptz(3),
    last_message_at timestamptz(3),
    created_at timestamptz(3) not null default current_timestamp,
    constraint chat_names check (
      case when group_jid is null then coalesce(phone, lid) is not null else phone is null and lid is null end),
    constraint chat_group_jid unique (instance_id, group_jid),
    constraint chat_phone unique (instance_id, phone),
    constraint chat_lid unique (instance_id, lid)
  )`,
  'create index chat_by_instance on chat (instance_id, id desc)',
  'create index chat_by_tenant on chat (tenant_id)',
  `insert into chat (id, tenant_id, instance_id, group_jid, phone, lid, last_message_at)
     select 'chat_' || substr(min(id), 5), min(tenant_id), instance_id,
       case when chat_id like '%@g.us' then chat_id end, case when chat_id like '%@s.whatsapp.net' then chat_id end,
       null, max(timestamp)
     from message where chat_id not like '%@lid' group by instance_id, chat_id`,
  `update chat set lid = known.lid from (
       select distinct on (instance_id, lid) instance_id, lid, chat_id from message
       where lid is not null and chat_id like '%@s.whatsapp.net' order by instance_id, lid, id desc) as known
     where known.instance_id = chat.instance_id and known.chat_id = chat.phone`,
  `insert into chat (id, tenant_id, instance_id, lid, last_message_at)
     select 'chat_' || substr(min(id), 5), min(tenant_id), instance_id, chat_id, max(timestamp)
     from message where chat_id like '%@lid' group by instance_id, chat_id
     on conflict on constraint chat_lid do nothing`,
  // What is folded into a message, and messages that only tell WhatsApp something about another one.
  'alter table message add chat text references chat on delete cascade',
  `update message set chat = chat.id from chat where chat.instance_id = message.instance_id
     and message.chat_id in (chat.group_jid, chat.phone, chat.lid)`,
  `delete from message using message as twin where twin.chat = message.chat and twin.whatsapp_id = message.whatsapp_id
     and twin.direction = message.direction and twin.id < message.id`,
  'alter table message alter chat set not null',
  'drop index message_by_chat',
  'alter table message drop constraint message_whatsapp_id',
  'alter table message drop column chat_id, drop column lid, drop column phone_number',
  `alter table message
    add action_of text references message on delete cascade,
    add quoted_message_id text,
    add mentions text[] not null default '{}',
    add reactions jsonb not null default '[]',
    add edited_at timestamptz(3),
    add deleted_at timestamptz(3),
    add counted_in timestamptz(3),
    add media_id text`,
  'create unique index message_whatsapp_id on message (chat, whatsapp_id, direction)',
  'create index message_by_whatsapp_id on message (instance_id, whatsapp_id)',
  'create index message_by_chat on message (chat, id desc) where action_of is null',
  "create index message_pending_expiry on message (expires_at) where status = 'pending'",
  'create index message_actions on message (action_of) where action_of is not null',
  // Who of a group has a message, and who has read it.
  `create table receipt (
    message_id text not null references message on delete cascade,
    instance_id text not null references instance on delete cascade,
    reader text not null,
    status text not null check (status in ('delivered', 'read')),
    at timestamptz(3) not null,
    primary key (message_id, reader)
  )`,
  'create index receipt_by_instance on receipt (instance_id)',

  'create index inbox_settled on inbox (settled_at) where settled_at is not null',

  `create table contact (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    phone text,
    lid text,
    name text,
    push_name text,
    verified_name text,
    updated_at timestamptz(3) not null default current_timestamp,
    constraint contact_names check (coalesce(phone, lid) is not null),
    constraint contact_phone unique (instance_id, phone),
    constraint contact_lid unique (instance_id, lid)
  )`,
  // A row may only say which phone number belongs to which lid.
  'create index contact_by_instance on contact (instance_id, id desc) where coalesce(name, push_name, verified_name) is not null',
  'create index contact_by_tenant on contact (tenant_id)',

  `create table chat_group (
    chat text primary key references chat on delete cascade,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    subject text not null,
    description text,
    owner text,
    announce boolean not null default false,
    locked boolean not null default false,
    participant_count integer not null default 0 check (participant_count >= 0),
    participants jsonb not null default '[]',
    joined boolean not null default true,
    created_at timestamptz(3),
    updated_at timestamptz(3) not null default current_timestamp
  )`,
  'create index chat_group_by_instance on chat_group (instance_id, chat desc)',
  'create index chat_group_by_tenant on chat_group (tenant_id)',

  // `remote` says where WhatsApp has the bytes and how they open: sealed. `storage_key` null: not here yet. The clock
  // fetches what has a next attempt; the rest waits for its first reader.
  `create table media (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    message_id text,
    mime_type text not null,
    size_bytes bigint not null check (size_bytes >= 0),
    sha256 bytea check (octet_length(sha256) = 32),
    filename text,
    seconds integer,
    thumbnail bytea,
    storage_key text unique,
    remote bytea,
    failure text,
    sniffed_type text,
    attempts integer not null default 0,
    next_attempt_at timestamptz(3),
    created_at timestamptz(3) not null default current_timestamp,
    stored_at timestamptz(3)
  )`,
  'alter table media alter remote set storage external',
  'create index media_by_instance on media (instance_id, id desc)',
  'create index media_by_tenant on media (tenant_id)',
  'create index media_to_fetch on media (next_attempt_at) where next_attempt_at is not null',
  // Files whose row is gone or never came: deleted by the clock, so that no row ever lacks its file.
  `create table media_garbage (
    storage_key text primary key,
    created_at timestamptz(3) not null default current_timestamp
  )`,
  'create index media_garbage_by_age on media_garbage (created_at)',

  // The first answer to an Idempotency-Key. Sealed: it may hold a new API key. Null: the first call is under way.
  `create table first_answer (
    tenant_id text not null references tenant on delete cascade,
    key text not null check (length(key) between 1 and 255),
    fingerprint bytea not null check (octet_length(fingerprint) = 32),
    result bytea,
    claimed_by text,
    claimed_until timestamptz(3) not null,
    created_at timestamptz(3) not null default current_timestamp,
    expires_at timestamptz(3) not null,
    primary key (tenant_id, key)
  )`,
  'create index first_answer_by_expiry on first_answer (expires_at)',

  // Messages counted in a tenant's cycle; given back when one finally fails.
  `create table usage (
    tenant_id text not null references tenant on delete cascade,
    cycle_start timestamptz(3) not null,
    cycle_end timestamptz(3) not null,
    used integer not null check (used >= 0),
    primary key (tenant_id, cycle_start)
  ) with (fillfactor = 40)`,
]
