import type { App } from '../../context.ts'
import { type ClaimedWebhook, claimWebhook, type DueDelivery } from '../../db/queries/webhook-outbox.ts'
import { previousSecretPlace, secretPlace } from '../../db/queries/webhooks.ts'
import type { PostOutcome } from '../../delivery/delivery.ts'
import { envelope } from '../../events/envelope.ts'
import { webhookPosted } from '../../telemetry/spans.ts'
import { detached } from '../../telemetry/trace.ts'
import { countTry } from './count-try.ts'
import type { Lane, Target } from './lanes.ts'
import { triedOf } from './outcome.ts'
import { writeTries } from './writeTries.ts'

/** What a claim holds beyond the time that a receiver has to answer; and what of it may be gone before it is renewed. */
const CLAIM_SPARE_MS = 5000
const CLAIM_SPENT_MS = 2500

/**
 * The only way to a receiver: claim, post, record. Called after the commit of an event, after a replay, and by the
 * clock. Goes on until nothing is due for the webhook.
 */
export function deliverPending(app: App, target: Target): void {
  const lane = app.deliveries.of(target)
  lane.ask()
  if (lane.running || app.deliveries.ended) return
  lane.running = detached(() => deliver(app, lane))
  app.background('deliver', lane.running)
}

async function deliver(app: App, lane: Lane): Promise<void> {
  try {
    for (;;) {
      if (!app.deliveries.ended && lane.asked && lane.room > 0) await take(app, lane)
      else if (lane.inHand.size > 0) await lane.changed()
      else return
    }
  } finally {
    // At once: who asks from now on begins anew.
    lane.running = null
    app.deliveries.forget(lane)
  }
}

async function take(app: App, lane: Lane): Promise<void> {
  const { slots } = app.deliveries
  const { tenantId, webhookId } = lane
  const given = await slots.take(tenantId, lane.room)
  let used = 0
  try {
    if (app.deliveries.ended) return
    lane.takeAsk()
    const claimMs = app.config.webhooks.timeoutMs + CLAIM_SPARE_MS
    const times = { claimMs, enoughMs: claimMs - CLAIM_SPENT_MS }
    // From before the claim: the database counts from later.
    const startMs = performance.now()
    const inHand = [...lane.inHand]
    const claimed = await claimWebhook(app.db.sql, { webhookId, owner: app.node.id, ...times, inHand, limit: given })
    // Who has it is told: it may have looked before this delivery was there.
    if (!claimed) return app.relay.tell(['webhook', webhookId, tenantId])
    lane.claimedUntilMs = startMs + claimed.claimedMs
    app.deliveries.held(lane)
    const secrets = secretsOf(app, webhookId, claimed.webhook)
    for (const delivery of claimed.due) {
      used++
      begin(app, lane, { webhook: claimed.webhook, secrets, delivery })
    }
    if (used === given) lane.ask()
  } finally {
    slots.release(tenantId, given - used)
  }
}

interface Begun {
  webhook: ClaimedWebhook
  secrets: string[]
  delivery: DueDelivery
}

function begin(app: App, lane: Lane, begun: Begun): void {
  const { id } = begun.delivery
  let isPosted = false
  const posted = lane.enqueue(begun.delivery, async () => {
    isPosted = await post(app, lane, begun)
  })
  const work = posted
    .finally(() => app.deliveries.slots.release(lane.tenantId, 1))
    // Not one by one: what ends together is written together. What comes next does not wait for that.
    .then(() => (isPosted ? writeTries(app, lane, begun.webhook) : lane.ask()))
    .finally(() => lane.done(id))
  app.background('deliver', work)
}

/** False: it was left as it is, to be claimed again. */
async function post(app: App, lane: Lane, { webhook, secrets, delivery }: Begun): Promise<boolean> {
  const { timeoutMs } = app.config.webhooks
  if (app.deliveries.ended || performance.now() + timeoutMs > lane.claimedUntilMs) return false
  const at = app.clock.now()
  const { eventId, carried } = delivery
  const body = carried && envelope({ ...carried, id: eventId, event: delivery.event, instanceId: webhook.instanceId })
  const sent = (traceparent: string | null) =>
    send(app, { url: webhook.url, id: eventId, at, body: body!, secrets, traceparent })
  const outcome = body ? await webhookPosted(tracedOf(app, lane, { webhook, delivery }), sent) : NOTHING_TO_SEND
  if (outcome.kind === 'failed' && outcome.code === 'aborted') return false
  const tried = triedOf(delivery, outcome, {
    at,
    node: app.node.id,
    baseMs: app.config.webhooks.retryBaseMs,
    chance: Math.random(),
  })
  lane.ended(tried.status === 'delivered')
  countTry(app, { outcome, delivery, isTaken: tried.status === 'delivered' })
  lane.tried.push(tried)
  return true
}

const tracedOf = (app: App, { webhookId }: Lane, { webhook, delivery }: Omit<Begun, 'secrets'>) => ({
  trace: delivery.trace,
  deliveryId: delivery.id,
  webhookId,
  eventId: delivery.eventId,
  event: delivery.event,
  instanceId: webhook.instanceId,
  node: app.node.id,
  attempt: delivery.attempts,
})

/** Its event is gone, although it is kept for longer. */
const NOTHING_TO_SEND: PostOutcome = {
  kind: 'failed',
  code: 'connection',
  message: 'The event is kept no longer.',
  durationMs: 0,
}

interface Sent {
  url: string
  id: string
  at: Date
  body: string
  secrets: string[]
  traceparent: string | null
}

function send(app: App, { url, id, at, body, secrets, traceparent }: Sent): Promise<PostOutcome> {
  const signature = app.delivery.sign({ id, timestampSeconds: Math.floor(at.getTime() / 1000), body, secrets })
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'Wataki-Webhooks/1.0',
    ...signature,
    ...(traceparent && { traceparent }),
  }
  const { timeoutMs } = app.config.webhooks
  return app.delivery.post({ url, headers, body, timeoutMs, signal: app.deliveries.signal })
}

function secretsOf(app: App, webhookId: string, webhook: ClaimedWebhook): string[] {
  const { secret, previousSecret } = webhook
  const sealed = [[secret, secretPlace(webhookId)] as const]
  if (previousSecret) sealed.push([previousSecret, previousSecretPlace(webhookId)])
  return sealed.map(([bytes, place]) => app.secrets.open(bytes, place).toString('utf8'))
}
