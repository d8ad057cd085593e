import type { App } from '../../context.ts'
import { newestCounts } from '../../db/queries/events.ts'
import { dispatchPending } from '../messages/dispatchPending.ts'
import { deliverPending } from '../webhooks/deliverPending.ts'
import { tellTried } from '../webhooks/watchDeliveries.ts'
import { answerCommands } from './answerCommands.ts'
import { settleSoon } from './beat.ts'
import type { Word } from './relay.ts'

/** What another node tells. */
export function hear(app: App, word: Word): void {
  switch (word[0]) {
    case 'event':
      app.bus.hear({ instanceId: word[1], seq: word[2] })
      return
    case 'due':
      if (app.lanes.wayOf(word[1])) app.background('dispatch', dispatchPending(app, word[1]))
      return
    case 'webhook':
      if (app.deliveries.holds(word[1])) deliverPending(app, { webhookId: word[1], tenantId: word[2] })
      return
    case 'tried':
      app.background('tell tries', tellTried(app, { tenantId: word[1], instanceId: word[2], ids: [word[3]] }))
      return
    case 'settled':
      app.lanes.settled(word[1])
      return
    case 'revoked':
      app.revocations.hear(word[1])
      return
    case 'gone':
      app.bus.gone(word[1])
      return
    case 'free':
      settleSoon(app)
      return
    case 'command':
      if (word[1] === app.node.id) app.background('commands', answerCommands(app))
      return
    case 'answer':
      app.asked.answered(word[1])
      return
  }
}

/** The clock's call, and after the channel was closed: what was told and not heard. */
export async function hearMissed(app: App): Promise<void> {
  if (!app.node.shared) return
  const instanceIds = app.bus.watched
  if (instanceIds.length === 0) return
  for (const newest of await newestCounts(app.db.sql, instanceIds)) app.bus.hear(newest)
}
