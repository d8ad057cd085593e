import { defineEntity, p } from '@mikro-orm/core'
import { Tenant } from './tenant.ts'

export type InstanceStateColumn =
  | 'disconnected'
  | 'connecting'
  | 'qr_required'
  | 'connected'
  | 'reconnecting'
  | 'logged_out'
  | 'error'

const InstanceSchema = defineEntity({
  name: 'Instance',
  tableName: 'instance',
  properties: {
    id: p.text().primary(),
    tenantId: () => p.manyToOne(Tenant).mapToPk().fieldName('tenant_id'),
    name: p.text(),
    description: p.text().nullable(),
    sandbox: p.boolean(),
    autoReconnect: p.boolean().default(true),
    downloadMedia: p.boolean().default(false),
    emitRaw: p.boolean().default(false),
    /** The owner asked for it to be connected. */
    wanted: p.boolean().default(false),
    /** Credentials of a linked phone exist. */
    linked: p.boolean().default(false),
    state: p.text().$type<InstanceStateColumn>().default('disconnected'),
    lastError: p.text().nullable(),
    stateAt: p.datetime(3).defaultRaw('current_timestamp'),
    phoneNumber: p.text().nullable(),
    lid: p.text().nullable(),
    qr: p.text().nullable(),
    qrExpiresAt: p.datetime(3).nullable(),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
    updatedAt: p.datetime(3).defaultRaw('current_timestamp'),
  },
})

export class Instance extends InstanceSchema.class {}
InstanceSchema.setClass(Instance)
