import { defineEntity, p } from '@mikro-orm/core'

const TenantSchema = defineEntity({
  name: 'Tenant',
  tableName: 'tenant',
  properties: {
    id: p.text().primary(),
    name: p.text(),
    /** Lower-case. */
    email: p.text().unique(),
    plan: p.text().default('free'),
    status: p.text().default('active'),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
  },
})

export class Tenant extends TenantSchema.class {}
TenantSchema.setClass(Tenant)
