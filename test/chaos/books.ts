import type { Sql } from '../../src/db/sql.ts'
import type { World } from '../crash/world.ts'

/** What has to agree in the tables of the one tenant of a world, whatever happened. */
export interface Books {
  /** As the quota has it. */
  used: number
  /** Messages accepted and not given back. */
  counted: number
  /** Rows that are there without what is written in the same transaction. */
  halves: string[]
  /** Instances whose events do not count 1, 2, 3 … */
  gaps: string[]
}

export const booksOf = (world: World): Promise<Books> => world.withDatabase(({ sql }) => booksIn(sql))

/** At any time, also amid traffic: each of its questions sees one moment. */
export async function booksIn(sql: Sql): Promise<Books> {
  const [counts] = await sql.query<{ used: number; counted: number }>(
    `select (select coalesce(sum(used), 0)::int from usage) as used,
         (select count(*)::int from message where counted_in is not null and status <> 'failed') as counted`,
  )
  const halves = await sql.query<{ what: string }>(HALVES)
  const gaps = await sql.query<{ id: string }>(
    `select instance_id as id from event group by instance_id
       having min(seq) <> 1 or max(seq) <> count(*) or count(distinct seq) <> count(*)`,
  )
  return { ...counts!, halves: halves.map(row => row.what), gaps: gaps.map(row => row.id) }
}

// What the phone itself has sent does not expire.
const HALVES = `
  with outbound as (select * from message where direction = 'outbound' and action_of is null),
    accepted as (select * from outbound where expires_at is not null),
    created as (select about as id, count(*) as times from event where type = 'message.created' group by about)
  select id || ' has no place in the quota' as what from accepted where counted_in is null
  union all
  select coalesce(outbound.id, created.id) || ' has ' || coalesce(times, 0) || ' events, and a row: '
    || (outbound.id is not null) from outbound full join created using (id)
    where times is distinct from 1 or outbound.id is null
  union all
  select id || ' is ' || status || ' without an event' from accepted
    where status <> 'pending' and not exists (
      select from event where type = 'message.status' and about = accepted.id and data->>'status' = accepted.status)
  union all
  select id || ' was received without an event' from message where direction = 'inbound' and not exists (
    select from event where type = 'message.received' and about = message.id)`
