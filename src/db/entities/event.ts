import { defineEntity, p } from '@mikro-orm/core'
import { Instance } from './instance.ts'
import { Tenant } from './tenant.ts'

const EventSchema = defineEntity({
  name: 'Event',
  tableName: 'event',
  properties: {
    id: p.text().primary(),
    tenantId: () => p.manyToOne(Tenant).mapToPk().fieldName('tenant_id'),
    instanceId: () => p.manyToOne(Instance).mapToPk().fieldName('instance_id'),
    type: p.text(),
    /** The id of what it happened to. */
    about: p.text(),
    /** Counts the events of an instance in the order of their commits. */
    seq: p.bigint('number'),
    data: p.json<Record<string, unknown>>(),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
    /** A `traceparent`. */
    trace: p.text().nullable(),
  },
})

export class Event extends EventSchema.class {}
EventSchema.setClass(Event)
