import { setImmediate } from 'node:timers/promises'
import type { App } from '../../context.ts'
import { type ClaimedWebhook, recordTries, type TriedDelivery } from '../../db/queries/webhook-outbox.ts'
import { disable } from './disable.ts'
import type { Lane } from './lanes.ts'
import { GONE } from './outcome.ts'
import { tellTried } from './watchDeliveries.ts'

const BATCH_MAX = 100

/**
 * Writes down what was tried, all that is there at once, and resolves when that is done. What cannot be written will be
 * tried again, with the same id.
 */
export function writeTries(app: App, lane: Lane, webhook: ClaimedWebhook): Promise<void> {
  lane.writing ??= write(app, lane, webhook)
  return lane.writing
}

async function write(app: App, lane: Lane, webhook: ClaimedWebhook): Promise<void> {
  // Let in what ends in the same turn of the loop.
  await setImmediate()
  try {
    while (lane.tried.length > 0) await writeBatch(app, lane, webhook)
  } finally {
    // At once: what is tried from now on is written anew.
    lane.writing = null
  }
}

async function writeBatch(app: App, lane: Lane, webhook: ClaimedWebhook): Promise<void> {
  const tried = lane.tried.splice(0, BATCH_MAX)
  const { webhookId } = lane
  const { instanceId, tenantId } = webhook
  const { written, failingMs } = await recordTries(app.db.sql, { instanceId, webhookId, tried })
  const counted = tried.filter(each => written.has(each.id))
  const ids = counted.map(each => each.id)
  for (const id of ids) app.relay.tell(['tried', tenantId, instanceId, id])
  await tellTried(app, { tenantId, instanceId, ids })
  const reason = reasonToDisable(app, counted, failingMs)
  if (reason) await disable(app, { ...webhook, webhookId, reason })
}

function reasonToDisable(app: App, tried: TriedDelivery[], failingMs: number | null): 'gone' | 'failing' | null {
  if (tried.some(each => each.made.statusCode === GONE)) return 'gone'
  return failingMs !== null && failingMs >= app.config.webhooks.disableAfterMs ? 'failing' : null
}
