import type { App } from '../../context.ts'
import { updateFolded } from '../../db/queries/messages.ts'
import { messageReaction } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import type { InboundReaction } from '../../whatsapp/whatsapp.ts'
import { inInbox } from './in-inbox.ts'
import { personOf } from './person.ts'
import { withReaction } from './reactions.ts'
import { storeInbound } from './store-inbound.ts'
import { storedMessage } from './stored.ts'
import { targetOf } from './target.ts'

/** Folds a reaction into its message. One to a message that we do not have is kept as a message of its own. */
export function onReaction(app: App, instanceId: string, inbound: InboundReaction): Promise<void> {
  return inInbox(app, { instanceId, inbound }, async (sql, place) => {
    const target = await targetOf(sql, { instanceId, chat: place.chat.id, ...inbound.target })
    const content = { type: 'unsupported', kind: 'reactionMessage' } as const
    if (!target) return storeInbound(sql, app, { inbound: { ...inbound, content }, place })
    const sender = await personOf(sql, instanceId, inbound.sender)
    const reactions = withReaction(target.reactions, {
      sender,
      emoji: inbound.emoji,
      at: inbound.timestamp.toISOString(),
    })
    if (reactions === target.reactions) return []
    await updateFolded(sql, { ...target, reactions })
    if (inbound.fromMe) return []
    const message = storedMessage({ ...target, reactions })
    const raw = place.instance.emitRaw ? inbound.raw : null
    return [
      await record(sql, app.clock, {
        type: 'message.reaction',
        tenantId: message.tenantId,
        instanceId,
        about: message.id,
        data: messageReaction(message, { sender, emoji: inbound.emoji }, raw),
        subject: message,
      }),
    ]
  })
}
