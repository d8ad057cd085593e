import { defineEntity, p } from '@mikro-orm/core'
import { Tenant } from './tenant.ts'

const ApiKeySchema = defineEntity({
  name: 'ApiKey',
  tableName: 'api_key',
  properties: {
    id: p.text().primary(),
    tenantId: () => p.manyToOne(Tenant).mapToPk().fieldName('tenant_id'),
    name: p.text(),
    /** The first characters of the key, for people to tell keys apart. */
    prefix: p.text(),
    /** SHA-256 of the whole key. */
    hash: p.blob(),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
    lastUsedAt: p.datetime(3).nullable(),
    revokedAt: p.datetime(3).nullable(),
  },
})

export class ApiKey extends ApiKeySchema.class {}
ApiKeySchema.setClass(ApiKey)
