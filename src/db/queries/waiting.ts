import type { Sql } from '../sql.ts'

/**
 * How many rows of an instance wait to be sent, kept beside its count of events: counted, not found by counting. The row
 * stays locked until the caller's transaction ends, so that the bound holds whoever accepts at the same time. Messages
 * are counted with their events (`events/record.ts`); here is what has none.
 */

/** One more. False: there are `max` already, and it is not counted. */
export async function countWaiting(sql: Sql, of: { instanceId: string; max: number }): Promise<boolean> {
  const rows = await sql.query(
    `insert into event_counter as kept (instance_id, waiting) values ($1, 1)
     on conflict (instance_id) do update set waiting = kept.waiting + 1 where kept.waiting < $2 returning 1 as one`,
    [of.instanceId, of.max],
    'count-waiting',
  )
  return rows.length > 0
}

/** One less. */
export async function countSettled(sql: Sql, instanceId: string): Promise<void> {
  await sql.query(
    'update event_counter set waiting = greatest(0, waiting - 1) where instance_id = $1',
    [instanceId],
    'count-settled',
  )
}

export async function instancesWithWaiting(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ instanceId: string }>(
    'select instance_id as "instanceId" from event_counter where waiting > 0',
    [],
    'instances-with-waiting',
  )
  return rows.map(row => row.instanceId)
}

/** Counts anew, in the caller's transaction. Locked by a statement of its own, so that the next one sees what has come before the lock. */
export async function recountWaiting(sql: Sql, instanceId: string): Promise<void> {
  await sql.query('select from event_counter where instance_id = $1 for update', [instanceId], 'lock-waiting')
  await sql.query(
    `update event_counter set waiting = counted.waiting from (
       select count(*)::int as waiting from message where instance_id = $1 and status = 'pending') as counted
     where instance_id = $1 and event_counter.waiting <> counted.waiting`,
    [instanceId],
    'recount-waiting',
  )
}
