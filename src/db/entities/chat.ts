import { defineEntity, p } from '@mikro-orm/core'
import { Instance } from './instance.ts'
import { Tenant } from './tenant.ts'

const ChatSchema = defineEntity({
  name: 'Chat',
  tableName: 'chat',
  properties: {
    id: p.text().primary(),
    tenantId: () => p.manyToOne(Tenant).mapToPk().fieldName('tenant_id'),
    instanceId: () => p.manyToOne(Instance).mapToPk().fieldName('instance_id'),
    groupJid: p.text().nullable(),
    /** `…@s.whatsapp.net` */
    phone: p.text().nullable(),
    lid: p.text().nullable(),
    name: p.text().nullable(),
    unreadCount: p.integer().default(0),
    archived: p.boolean().default(false),
    pinnedAt: p.datetime(3).nullable(),
    mutedUntil: p.datetime(3).nullable(),
    lastMessageAt: p.datetime(3).nullable(),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
  },
})

export class Chat extends ChatSchema.class {}
ChatSchema.setClass(Chat)
