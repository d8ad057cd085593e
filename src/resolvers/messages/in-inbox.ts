import type { App } from '../../context.ts'
import { type ChatRow, chatOf, namesOf } from '../../db/queries/chats.ts'
import { notePushName } from '../../db/queries/contacts.ts'
import { settleInbox } from '../../db/queries/inbox.ts'
import { findInstanceFacts, type InstanceFacts } from '../../db/queries/instances.ts'
import type { Sql } from '../../db/sql.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { messageStored } from '../../telemetry/spans.ts'
import type { Inbound } from '../../whatsapp/whatsapp.ts'
import { type Storable, storeInbound } from './store-inbound.ts'

/** Where news of a message belong. */
export interface Place {
  instanceId: string
  instance: InstanceFacts
  chat: ChatRow
}

/**
 * What the inbox told, in one transaction with the end of its row: after a crash all of it is there, or it is told
 * again. Nothing is done when the instance is gone.
 */
export function inInbox(app: App, of: { instanceId: string; inbound: Inbound }, work: Work): Promise<void> {
  const traced = { instanceId: of.instanceId, node: app.node.id, trace: of.inbound.received?.trace ?? null }
  return messageStored(traced, () => take(app, of, work))
}

type Work = (sql: Sql, place: Place) => Promise<HouseEvent[]>

async function take(
  app: App,
  { instanceId, inbound }: { instanceId: string; inbound: Inbound },
  work: Work,
): Promise<void> {
  const told = (by: Work) =>
    app.db.transaction(async sql => {
      const now = app.clock.now()
      const instance = await findInstanceFacts(sql, instanceId)
      const { fromMe, pushName, sender } = inbound
      // Before the chat is held: who makes chats takes the same two, in this order.
      if (instance && pushName && !fromMe) {
        await notePushName(sql, { instanceId, names: namesOf(sender), pushName, now })
      }
      const chat = instance && (await chatOf(sql, { instanceId, names: namesOf(inbound.chat), now }))
      await settleInbox(sql, instanceId, [inbound.inboxKey], now)
      return instance && chat ? by(sql, { instanceId, instance, chat }) : []
    })
  const events = await told(work).catch(error => {
    if (!isUnstorable(error)) throw error
    app.log.error({ err: error, instanceId }, 'what was received cannot be stored as it is')
    // Told again it would be refused again, and hold up all that comes after it.
    return told((sql, place) => storeInbound(sql, app, { inbound: stripped(inbound), place }))
  })
  app.bus.publish(...events)
}

/** Refused whatever is tried: 22 is a value that its type does not take, 54 one beyond a limit of the server. */
const isUnstorable = (error: unknown): boolean => /^(22|54)/.test((error as { code?: string } | null)?.code ?? '')

/** That there was something, and from whom: nothing of what it said. */
const stripped = (inbound: Inbound): Storable => ({
  ...inbound,
  whatsappId: inbound.inboxKey,
  pushName: null,
  content: { type: 'unsupported', kind: 'unstorable' },
  raw: {},
})
