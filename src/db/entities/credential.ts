import { defineEntity, p } from '@mikro-orm/core'

/** What WhatsApp knows a linked phone by, sealed; written and read by the vault only. */
const CredentialSchema = defineEntity({
  name: 'Credential',
  tableName: 'credential',
  properties: {
    instanceId: p.text().primary(),
    value: p.blob(),
  },
})

export class Credential extends CredentialSchema.class {}
CredentialSchema.setClass(Credential)
