import type { Clock } from '../clock.ts'
import type { Sql } from '../db/sql.ts'
import { newId } from '../ids.ts'
import type { EventData, EventType, HouseEvent } from './catalogue.ts'

export interface Fact<Type extends EventType, Subject> {
  type: Type
  tenantId: string
  instanceId: string
  about: string
  data: EventData[Type]
  subject: Subject
}

/**
 * Writes the event in the caller's transaction, as its last statement but the commit: from here on the instance's other
 * events wait, so that `seq` rises in the order of the commits. Hand the result to `bus.publish` once that has happened.
 */
export async function record<Type extends EventType, Subject>(
  sql: Sql,
  clock: Clock,
  fact: Fact<Type, Subject>,
): Promise<HouseEvent<Type, Subject>> {
  const event = { id: newId('evt'), at: clock.now(), ...fact }
  const [row] = await sql.query<{ seq: string }>(
    `with counter as (
       insert into event_counter (instance_id, last_seq) values ($3, 1)
       on conflict (instance_id) do update set last_seq = event_counter.last_seq + 1 returning last_seq)
     insert into event (id, tenant_id, instance_id, type, data, created_at, about, seq)
     select $1, $2, $3, $4, $5::jsonb, $6::timestamptz, $7, last_seq from counter returning seq`,
    [event.id, event.tenantId, event.instanceId, event.type, JSON.stringify(event.data), event.at, event.about],
    'record-event',
  )
  return { ...event, seq: Number(row!.seq) }
}
