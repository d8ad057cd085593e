import type { Sql } from '../sql.ts'

/** Media that messages have announced and that WhatsApp still has. */

/** What asking WhatsApp takes. */
export interface ToFetch {
  id: string
  instanceId: string
  sizeBytes: number
  remote: Buffer
  sandbox: boolean
  attempts: number
  createdAt: Date
  whatsappId: string
  chat: string
  sender: string
  fromMe: boolean
}

const COLUMNS = `media.id, media.instance_id as "instanceId", media.size_bytes::float8 as "sizeBytes", media.remote,
  instance.sandbox, media.attempts, media.created_at as "createdAt", message.whatsapp_id as "whatsappId",
  coalesce(chat.group_jid, chat.phone, chat.lid) as chat, message.sender, message.direction = 'outbound' as "fromMe"`
const JOINED = `media join instance on instance.id = media.instance_id
  join message on (message.instance_id = media.instance_id) is not false and message.id = media.message_id
  join chat on chat.instance_id = media.instance_id and chat.id = message.chat`

/** Null: it is stored, gone for good, or was never announced. */
export async function findToFetch(sql: Sql, at: { instanceId: string; mediaId: string }): Promise<ToFetch | null> {
  const [row] = await sql.query<ToFetch>(
    `select ${COLUMNS} from ${JOINED} where media.instance_id = $1 and media.id = $2
     and media.storage_key is null and media.failure is null and media.remote is not null`,
    [at.instanceId, at.mediaId],
    'find-media-to-fetch',
  )
  return row ?? null
}

/** Of one instance in one claim: files that nobody can give must not keep all the others waiting. */
const PER_INSTANCE = 2
const LOOKED_AT = 500

/** Those whose time has come, each to one node: for the others it is not due before `again`. */
export function claimToFetch(
  sql: Sql,
  at: { now: Date; again: Date; limit: number },
): Promise<{ instanceId: string; mediaId: string }[]> {
  return sql.query(
    `with due as (
       select id, instance_id, next_attempt_at from media
       where next_attempt_at <= $1 and storage_key is null and failure is null order by next_attempt_at limit $4),
     ranked as (select *, row_number() over (partition by instance_id order by next_attempt_at) as place from due),
     fair as (select id from ranked where place <= $5 order by next_attempt_at limit $3)
     update media set next_attempt_at = $2 from fair where media.id = fair.id and media.next_attempt_at <= $1
     returning media.instance_id as "instanceId", media.id as "mediaId"`,
    [at.now, at.again, at.limit, LOOKED_AT, PER_INSTANCE],
    'claim-media-to-fetch',
  )
}

/** What the bytes turned out to be. */
export interface Fetched {
  instanceId: string
  mediaId: string
  storageKey: string
  sizeBytes: number
  sha256: Buffer
  sniffedType: string
  now: Date
}

/** False: it was stored by somebody else meanwhile, or its instance is gone. */
export async function recordFetched(sql: Sql, fetched: Fetched): Promise<boolean> {
  const rows = await sql.query(
    `update media set storage_key = $3, size_bytes = $4, sha256 = $5, sniffed_type = $6, stored_at = $7, remote = null,
       next_attempt_at = null
     where (instance_id = $1) is not false and id = $2 and storage_key is null returning 1 as one`,
    [
      fetched.instanceId,
      fetched.mediaId,
      fetched.storageKey,
      fetched.sizeBytes,
      fetched.sha256,
      fetched.sniffedType,
      fetched.now,
    ],
    'record-fetched-media',
  )
  return rows.length > 0
}

export async function recordRemote(
  sql: Sql,
  at: { instanceId: string; mediaId: string; remote: Buffer },
): Promise<void> {
  await sql.query(
    'update media set remote = $3 where (instance_id = $1) is not false and id = $2 and storage_key is null',
    [at.instanceId, at.mediaId, at.remote],
    'record-media-remote',
  )
}

/** Gone for good: nobody asks WhatsApp for it again. */
export async function recordGone(
  sql: Sql,
  at: { instanceId: string; mediaId: string; failure: string },
): Promise<void> {
  await sql.query(
    `update media set failure = $3, remote = null, next_attempt_at = null
     where (instance_id = $1) is not false and id = $2 and storage_key is null`,
    [at.instanceId, at.mediaId, at.failure],
    'record-media-gone',
  )
}

/** Only what the clock fetches has a next time; what waits for a reader waits for the next one. */
export async function postpone(sql: Sql, at: { instanceId: string; mediaId: string; until: Date }): Promise<void> {
  await sql.query(
    `update media set attempts = attempts + 1, next_attempt_at = case when next_attempt_at is not null then $3::timestamptz end
     where (instance_id = $1) is not false and id = $2 and storage_key is null`,
    [at.instanceId, at.mediaId, at.until],
    'postpone-media',
  )
}
