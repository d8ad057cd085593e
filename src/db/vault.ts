import { type Clock, systemClock } from '../clock.ts'
import type { Secrets } from '../secrets.ts'
import { settleInbox } from './queries/inbox.ts'
import { heldLease, LeaseLost } from './queries/leases.ts'
import type { Sql } from './sql.ts'

export interface KeyChange {
  type: string
  id: string
  /** Null deletes. */
  value: Uint8Array | null
}

export interface InboxEntry {
  /** SHA-256 of the ciphertext. */
  hash: Uint8Array
  stanza: Record<string, string>
  plain: Uint8Array
  /** A `traceparent`. */
  trace?: string | null
}

export interface Batch {
  credentials?: Uint8Array
  keys: KeyChange[]
  inbox: InboxEntry[]
}

export interface UnsettledRow {
  inboxKey: string
  stanza: Record<string, string>
  plain: Uint8Array
  received: { at: Date; node: string | null; trace: string | null }
}

/**
 * What WhatsApp sessions need kept. Bytes are sealed with the place they belong to before they leave for the
 * database, so that a row moved to another instance or name does not open.
 */
export function createVault(options: Keeper) {
  return { ...keysIn(options), ...inboxIn(options), wipe: wipeIn(options), sentPayload: sentPayloadIn(options) }
}

interface Keeper {
  sql: Sql
  secrets: Secrets
  clock?: Clock
  /** The server that receives. */
  node?: () => string
}

const keysIn = ({ sql, secrets, node }: Keeper) => ({
  async credentials(instanceId: string): Promise<Uint8Array | null> {
    const [row] = await sql.query<{ value: Buffer }>(
      'select value from credential where instance_id = $1',
      [instanceId],
      'vault_credentials',
    )
    return row ? secrets.open(row.value, credentialPlace(instanceId)) : null
  },

  async read(instanceId: string, type: string, ids: string[]): Promise<Map<string, Uint8Array>> {
    if (ids.length === 0) return new Map()
    const rows = await sql.query<{ id: string; value: Buffer }>(
      'select id, value from signal_key where instance_id = $1 and type = $2 and id = any($3::text[])',
      [instanceId, type, ids],
      'vault_read',
    )
    return new Map(rows.map(row => [row.id, secrets.open(row.value, keyPlace(instanceId, type, row.id))]))
  },

  /** One statement: all of the batch or nothing of it, in one round trip. `LeaseLost`: another session has taken over. */
  async commit(instanceId: string, batch: Batch, epoch: number): Promise<void> {
    const { credentials, inbox } = batch
    const { written, deleted } = lastOfEach(batch.keys)
    if (!credentials && written.length + deleted.length + inbox.length === 0) return
    const params = [
      instanceId,
      credentials ? secrets.seal(credentials, credentialPlace(instanceId)) : null,
      written.map(key => key.type),
      written.map(key => key.id),
      written.map(key => secrets.seal(key.value!, keyPlace(instanceId, key.type, key.id))),
      deleted.map(key => key.type),
      deleted.map(key => key.id),
      inbox.map(entry => Buffer.from(entry.hash)),
      inbox.map(entry => JSON.stringify(entry.stanza)),
      inbox.map(entry => secrets.seal(entry.plain, inboxPlace(instanceId, hexOf(entry.hash)))),
      epoch,
      node?.() ?? null,
      inbox.map(entry => entry.trace ?? null),
    ]
    const held = await sql.query(COMMIT, params, 'vault_commit')
    if (held.length === 0) throw new LeaseLost(instanceId)
  },
})

const inboxIn = ({ sql, secrets, clock = systemClock }: Keeper) => ({
  async inboxPlain(instanceId: string, hash: Uint8Array): Promise<Uint8Array | null> {
    const [row] = await sql.query<{ plain: Buffer }>(
      'select plain from inbox where instance_id = $1 and hash = $2',
      [instanceId, Buffer.from(hash)],
      'vault_inbox_plain',
    )
    return row ? secrets.open(row.plain, inboxPlace(instanceId, hexOf(hash))) : null
  },

  async unsettled(instanceId: string, limit: number): Promise<UnsettledRow[]> {
    const rows = await sql.query<
      { key: string; stanza: Record<string, string>; plain: Buffer } & UnsettledRow['received']
    >(
      `select encode(hash, 'hex') as key, stanza, plain, created_at as at, node, trace from inbox
       where instance_id = $1 and settled_at is null order by seq limit $2`,
      [instanceId, limit],
      'vault_unsettled',
    )
    return rows.map(({ key, stanza, plain, ...received }) => ({
      inboxKey: key,
      stanza,
      plain: secrets.open(plain, inboxPlace(instanceId, key)),
      received,
    }))
  },

  async settle(instanceId: string, inboxKeys: string[]): Promise<void> {
    if (inboxKeys.length > 0) await settleInbox(sql, instanceId, inboxKeys, clock.now())
  },
})

const wipeIn =
  ({ sql }: Keeper) =>
  async (instanceId: string, epoch: number | null): Promise<void> => {
    const held = await sql.query(WIPE, [instanceId, epoch], 'vault_wipe')
    if (held.length === 0 && epoch !== null) throw new LeaseLost(instanceId)
  }

const sentPayloadIn =
  ({ sql, secrets }: Keeper) =>
  async (instanceId: string, whatsappId: string): Promise<Uint8Array | null> => {
    const [row] = await sql.query<{ id: string; payload: Buffer }>(
      `select id, payload from message
       where instance_id = $1 and whatsapp_id = $2 and direction = 'outbound' and payload is not null limit 1`,
      [instanceId, whatsappId],
      'vault_sent_payload',
    )
    return row ? secrets.open(row.payload, payloadPlace(row.id)) : null
  }

/** With which `message.payload` is sealed. */
export const payloadPlace = (messageId: string): string => `message|${messageId}|payload`
export const credentialPlace = (instanceId: string): string => `credential|${instanceId}|value`
export const keyPlace = (instanceId: string, type: string, id: string): string =>
  `signal_key|${instanceId}|${type}|${id}|value`
export const inboxPlace = (instanceId: string, key: string): string => `inbox|${instanceId}|${key}|plain`
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** One statement touches a row once: of several changes to a key only the last counts. */
function lastOfEach(changes: KeyChange[]): { written: KeyChange[]; deleted: KeyChange[] } {
  const last = new Map(changes.map(change => [JSON.stringify([change.type, change.id]), change]))
  const all = [...last.values()]
  return { written: all.filter(key => key.value !== null), deleted: all.filter(key => key.value === null) }
}

// Rows are locked in key order, so that two batches of one instance cannot wait for each other in a ring. All of them
// hang on `held`, whose row is locked first.
const COMMIT = `with
  ${heldLease({ instance: '$1', epoch: '$11' })},
  changed_credential as (
    insert into credential (instance_id, value) select $1::text, $2::bytea from held where $2::bytea is not null
    on conflict (instance_id) do update set value = excluded.value),
  written as (
    insert into signal_key (instance_id, type, id, value)
    select $1, k.type, k.id, k.value from held, unnest($3::text[], $4::text[], $5::bytea[]) as k (type, id, value)
    order by k.type, k.id
    on conflict (instance_id, type, id) do update set value = excluded.value),
  deleted as (
    delete from signal_key using held, unnest($6::text[], $7::text[]) as k (type, id)
    where signal_key.instance_id = $1 and signal_key.type = k.type and signal_key.id = k.id),
  received as (
    insert into inbox (instance_id, hash, stanza, plain, node, trace)
    select $1, i.hash, i.stanza::jsonb, i.plain, $12::text, i.trace
    from held, unnest($8::bytea[], $9::text[], $10::bytea[], $13::text[]) with ordinality
      as i (hash, stanza, plain, trace, place)
    order by i.place
    on conflict (instance_id, hash) do nothing)
  select 1 as held from held`

/** Without an epoch it is done whoever holds the lease. */
const WIPE = `with
  ${heldLease({ instance: '$1', epoch: '$2::bigint' })},
  allowed as (select from held union all select where $2::bigint is null),
  wiped_credential as (delete from credential using allowed where instance_id = $1),
  wiped_keys as (delete from signal_key using allowed where instance_id = $1),
  wiped_inbox as (delete from inbox using allowed where instance_id = $1)
  select 1 as held from held`
