import type { World } from './world.ts'

export interface Rows {
  /** Inbound messages without a `message.received` event, and such events that are no message's or another's double. */
  eventsAmiss: string[]
  /** A status that the same message reached twice. */
  statusTwice: string[]
  /** Stanzas that were decrypted more than once: what came again was not known again. */
  readTwice: number
  /** Messages that were handed to the network more than once. */
  sentAgain: number
}

/** What stands in the tables of one instance beside what its API tells. */
export function rowsOf(world: World, instanceId: string): Promise<Rows> {
  return world.withDatabase(async ({ sql }) => {
    const amiss = await sql.query<{ id: string }>(
      `with stored as (select id from message where instance_id = $1 and direction = 'inbound'),
         told as (select data->>'id' as id from event where instance_id = $1 and type = 'message.received')
       select id from stored full join (select id, count(*) as times from told group by id) told using (id)
       where times is distinct from 1 or not exists (select 1 from stored s where s.id = id)`,
      [instanceId],
    )
    const twice = await sql.query<{ id: string }>(
      `select data->>'message_id' as id from event where instance_id = $1 and type = 'message.status'
       group by data->>'message_id', data->>'status' having count(*) > 1`,
      [instanceId],
    )
    const [counts] = await sql.query<{ twice: number; again: number }>(
      `select (select count(*)::int - count(distinct stanza->>'id')::int from inbox where instance_id = $1) as twice,
         (select count(*)::int from message where instance_id = $1 and attempts > 1) as again`,
      [instanceId],
    )
    return {
      eventsAmiss: amiss.map(row => row.id),
      statusTwice: twice.map(row => row.id),
      readTwice: counts!.twice,
      sentAgain: counts!.again,
    }
  })
}
