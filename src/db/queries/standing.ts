import type { Sql } from '../sql.ts'

/** How things stand on a database of any version, for its operator: nothing is written, and what is not there is not asked. */

export interface ServerStanding {
  /** A copy that takes no writes. */
  readOnly: boolean
  mayCreate: boolean
  /** Since 1970. */
  databaseMs: number
}

export async function serverStanding(sql: Sql): Promise<ServerStanding> {
  const [row] = await sql.query<ServerStanding>(
    `select pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' as "readOnly",
       has_schema_privilege(current_schema, 'create') as "mayCreate",
       extract(epoch from clock_timestamp())::float8 * 1000 as "databaseMs"`,
  )
  return row!
}

export interface Unwell {
  id: string
  state: string
  reason: string | null
}

/** Instances that cannot work until somebody does something, and how many there are in all. */
export async function unwellInstances(sql: Sql): Promise<{ all: number; unwell: Unwell[] }> {
  const [row] = await sql.query<{ all: number; unwell: Unwell[] }>(
    `select count(*)::int as all, coalesce(json_agg(json_build_object('id', id, 'state', state, 'reason', last_error) order by id)
       filter (where state in ('error', 'logged_out')), '[]') as unwell from instance`,
  )
  return row!
}

export interface Failing {
  id: string
  url: string
  /** Null: it is active, and failing for now. */
  disabledReason: string | null
  error: string | null
}

/** Webhooks whose receivers take nothing, with what the last one that failed met. */
export async function failingWebhooks(sql: Sql): Promise<Failing[]> {
  return sql.query<Failing>(
    `select webhook.id, url, disabled_reason as "disabledReason", last.error from webhook
     left join lateral (select error from webhook_delivery
       where webhook_id = webhook.id and error is not null order by id desc limit 1) as last on true
     where deleted_at is null and (disabled_reason is not null or (active and failing_since is not null))
     order by webhook.id limit 100`,
  )
}
