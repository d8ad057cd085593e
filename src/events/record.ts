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

/** Writes the event in the caller's transaction. Hand the result to `bus.publish` once that has committed. */
export async function record<Type extends EventType, Subject>(
  sql: Sql,
  clock: Clock,
  fact: Fact<Type, Subject>,
): Promise<HouseEvent<Type, Subject>> {
  const event = { id: newId('evt'), at: clock.now(), ...fact }
  await sql.query(
    'insert into event (id, tenant_id, instance_id, type, data, created_at) values ($1, $2, $3, $4, $5, $6)',
    [event.id, event.tenantId, event.instanceId, event.type, JSON.stringify(event.data), event.at],
    'record-event',
  )
  return event
}
