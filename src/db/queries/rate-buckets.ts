import type { Sql } from '../sql.ts'

/** Who calls and what is left of a minute's allowance: one statement, so that a request waits for one answer only. */

export interface Charge {
  tokens: number
  /** Of the bucket, for each window. */
  limit: number
}

export interface Charged {
  /** Of the key or the session. */
  id: string
  tenantId: string
  tenantStatus: string
  /** False: the tokens are more than what is left, and nothing was taken. */
  admitted: boolean
  used: number
  /** Seconds since 1970 and from now, by the clock of the database. */
  resetsAt: number
  resetsIn: number
}

export const WINDOW_SECONDS = 60

type By = 'key-hash' | 'key-id' | 'session-hash' | 'session-id'

const KEY = `select api_key.id, api_key.tenant_id, tenant.status, api_key.tenant_id as bucket
  from api_key join tenant on tenant.id = api_key.tenant_id where api_key.revoked_at is null`
const SESSION = `select session.id, session.tenant_id, tenant.status, session.tenant_id || ' sessions' as bucket
  from session join tenant on tenant.id = session.tenant_id where session.expires_at > now()`

const CALLER: Record<By, string> = {
  'key-hash': `${KEY} and api_key.hash = $1`,
  'key-id': `${KEY} and api_key.id = $1`,
  'session-hash': `${SESSION} and session.token_hash = $1`,
  'session-id': `${SESSION} and session.id = $1`,
}

/** A window that lies ahead is left from before the clock was set back. */
const over = (bucket: string) => `(${bucket}.window_start <= now() - interval '${WINDOW_SECONDS} s'
  or ${bucket}.window_start > now() + interval '${WINDOW_SECONDS} s')`

/**
 * The window begins with its first request. Requests at one time wait for each other at the row, and then see what
 * it holds: nobody counts twice from the same number. `seen` is from before that, and only told to who is refused.
 */
const statement = (by: By) => `with caller as (${CALLER[by]}),
  taken as (
    insert into rate_bucket as bucket (key, window_start, used)
    select caller.bucket, now(), $2 from caller where $2 <= $3::int
    on conflict (key) do update set
      window_start = case when ${over('bucket')} then now() else bucket.window_start end,
      used = case when ${over('bucket')} then 0 else bucket.used end + excluded.used
    where ${over('bucket')} or bucket.used + excluded.used <= $3
    returning window_start, used
  ),
  counted as (
    select caller.*, taken.used is not null as admitted,
      coalesce(taken.used, seen.used, 0) as used,
      coalesce(taken.window_start, seen.window_start, now()) + interval '${WINDOW_SECONDS} s' as ends_at
    from caller left join taken on true
      left join rate_bucket as seen on taken.used is null and seen.key = caller.bucket and not ${over('seen')}
  )
  select id, tenant_id as "tenantId", status as "tenantStatus", admitted, used,
    extract(epoch from ends_at)::float8 as "resetsAt", extract(epoch from ends_at - now())::float8 as "resetsIn"
  from counted`

const STATEMENTS = Object.fromEntries(
  (Object.keys(CALLER) as By[]).map(by => [by, { text: statement(by), name: `charge-by-${by}` }]),
) as Record<By, { text: string; name: string }>

/** Null: there is no such caller (any more), and nothing was charged. */
export async function chargeCaller(
  sql: Sql,
  { by, value }: { by: By; value: string | Uint8Array },
  charge: Charge,
): Promise<Charged | null> {
  const { text, name } = STATEMENTS[by]
  const [row] = await sql.query<Charged>(text, [value, charge.tokens, charge.limit], name)
  return row ?? null
}

/** Buckets that nobody has drawn from for a while. */
export async function deleteOldBuckets(sql: Sql): Promise<void> {
  await sql.query(
    `delete from rate_bucket where window_start not between now() - interval '10 min' and now() + interval '10 min'`,
    [],
    'delete-old-buckets',
  )
}
