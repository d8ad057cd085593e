import type { App } from '../../context.ts'
import { type ChatRow, chatOf, namesOf } from '../../db/queries/chats.ts'
import { settleInbox } from '../../db/queries/inbox.ts'
import { findInstanceFacts, type InstanceFacts } from '../../db/queries/instances.ts'
import type { Sql } from '../../db/sql.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import type { Inbound } from '../../whatsapp/whatsapp.ts'

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
export async function inInbox(
  app: App,
  { instanceId, inbound }: { instanceId: string; inbound: Inbound },
  work: (sql: Sql, place: Place) => Promise<HouseEvent[]>,
): Promise<void> {
  const events = await app.db.transaction(async sql => {
    const now = app.clock.now()
    const instance = await findInstanceFacts(sql, instanceId)
    const chat = instance && (await chatOf(sql, { instanceId, names: namesOf(inbound.chat), now }))
    await settleInbox(sql, instanceId, [inbound.inboxKey], now)
    return instance && chat ? work(sql, { instanceId, instance, chat }) : []
  })
  app.bus.publish(...events)
}
