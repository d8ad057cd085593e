import { defineEntity, p } from '@mikro-orm/core'

/** A stanza that was decrypted, kept until a chapter has settled it; `plain` is sealed. */
const InboxSchema = defineEntity({
  name: 'Inbox',
  tableName: 'inbox',
  properties: {
    instanceId: p.text().primary(),
    /** SHA-256 of the ciphertext. */
    hash: p.blob().primary(),
    seq: p.bigint().autoincrement().persist(false),
    stanza: p.json<Record<string, string>>(),
    plain: p.blob(),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
    settledAt: p.datetime(3).nullable(),
    /** The server that got it. */
    node: p.text().nullable(),
    /** A `traceparent`. */
    trace: p.text().nullable(),
  },
})

export class Inbox extends InboxSchema.class {}
InboxSchema.setClass(Inbox)
