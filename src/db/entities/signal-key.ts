import { defineEntity, p } from '@mikro-orm/core'

/** One key of the Signal protocol, sealed; written and read by the vault only. */
const SignalKeySchema = defineEntity({
  name: 'SignalKey',
  tableName: 'signal_key',
  properties: {
    instanceId: p.text().primary(),
    type: p.text().primary(),
    id: p.text().primary(),
    value: p.blob(),
  },
})

export class SignalKey extends SignalKeySchema.class {}
SignalKeySchema.setClass(SignalKey)
