import { join } from 'node:path'
import type { Clock } from './clock.ts'
import { type Config, ConfigError } from './config.ts'
import type { App } from './context.ts'
import { openDatabase } from './db/open.ts'
import { createVault } from './db/vault.ts'
import { createDelivery } from './delivery/delivery.ts'
import { createBus } from './events/bus.ts'
import { openDashboard } from './http/dashboard.ts'
import { openMetricsListener } from './http/metrics.ts'
import { portIsFree } from './http/port.ts'
import { createServer } from './http/server.ts'
import { Turnstile } from './http/turnstile.ts'
import { idsBy } from './ids.ts'
import { startJobs } from './jobs/run.ts'
import { createLogMailer } from './mail/log-mailer.ts'
import type { Mailer } from './mail/mail.ts'
import { createSmtpMailer } from './mail/smtp.ts'
import { admit, chargeMore, mayBeGood } from './resolvers/auth/admit.ts'
import { isOperator } from './resolvers/auth/is-operator.ts'
import { LastUse } from './resolvers/auth/last-use.ts'
import { createRevocations } from './resolvers/auth/revocations.ts'
import { stillGood } from './resolvers/auth/still-good.ts'
import { writeLastUseDue } from './resolvers/auth/writeLastUseDue.ts'
import { onSeen } from './resolvers/chats/onSeen.ts'
import { onSync } from './resolvers/chats/onSync.ts'
import { describeEvents } from './resolvers/events/eventCatalogue.ts'
import { readRecorded } from './resolvers/events/revive.ts'
import { Ferry } from './resolvers/ferry.ts'
import { onConnection } from './resolvers/instances/onConnection.ts'
import { onQr } from './resolvers/instances/onQr.ts'
import { Describer } from './resolvers/media/describe.ts'
import { Fetches } from './resolvers/media/fetches.ts'
import { openSpool } from './resolvers/media/spool.ts'
import { Lanes } from './resolvers/messages/lanes.ts'
import { onAnswers } from './resolvers/messages/onAnswers.ts'
import { onDelete, onEdit } from './resolvers/messages/onEdit.ts'
import { onMessage } from './resolvers/messages/onMessage.ts'
import { onReaction } from './resolvers/messages/onReaction.ts'
import { TOGETHER_MAX, TOGETHER_WAIT_MS, takeTogether } from './resolvers/messages/take-together.ts'
import { Asked } from './resolvers/nodes/asked.ts'
import { joinNodes, leaveNodes } from './resolvers/nodes/beat.ts'
import { hear, hearMissed } from './resolvers/nodes/hear.ts'
import { Node } from './resolvers/nodes/node.ts'
import { Relay } from './resolvers/nodes/relay.ts'
import { Calls } from './resolvers/observability/calls.ts'
import { countEvent } from './resolvers/observability/countEvent.ts'
import { expositionOf } from './resolvers/observability/expositionOf.ts'
import { writeCallsDue } from './resolvers/observability/writeCallsDue.ts'
import { Turns } from './resolvers/turns.ts'
import { deliverSoon } from './resolvers/webhooks/deliverDue.ts'
import { endDeliveries } from './resolvers/webhooks/endDeliveries.ts'
import { Deliveries } from './resolvers/webhooks/lanes.ts'
import { mediaContent } from './rest/media-content.ts'
import { stripeWebhook } from './rest/stripe-webhook.ts'
import { controlClient } from './sandbox/client.ts'
import type { SandboxControl } from './sandbox/sandbox.ts'
import { openSandbox } from './sandbox/server.ts'
import { schema } from './schema/index.ts'
import { secretsOf } from './secrets.ts'
import { openStorage } from './storage/open.ts'
import type { Stripe } from './stripe/stripe.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { createMetrics } from './telemetry/metrics/metrics.ts'
import { flushTraces } from './telemetry/trace.ts'
import { createWhatsApp } from './whatsapp/manager.ts'
import type { Network, News } from './whatsapp/whatsapp.ts'

export { takeCrash } from './whatsapp/trust.ts'

/** A running Wataki. */
export interface Running {
  app: App
  /** Where it listens, `http://host:port`. */
  url: string
  /** Where Prometheus reads, when that is a port of its own. */
  metricsUrl: string | null
  /** Lets calls end, closes the sockets without unlinking, then the database. Safe to call twice. */
  close(): Promise<void>
}

/** Builds everything, in the order in which it starts; what is open is closed again when a later part fails. */
export async function openApp(
  config: Config,
  log: Log = createLog({ level: config.logLevel, json: config.production }),
): Promise<Running> {
  const opened: { what: string; close: () => Promise<unknown> }[] = [{ what: 'traces', close: flushTraces }]
  const closing = async () => {
    for (let part = opened.pop(); part; part = opened.pop()) {
      const { what, close } = part
      await close().catch(cause => log.error({ err: cause, part: what }, 'closing failed'))
    }
  }
  for (const warning of config.warnings) log.warn({}, warning)
  try {
    await portIsFree(config)
    const metrics = createMetrics(config)
    const db = await openDatabase({ ...config, log, measure: metrics.database.took })
    opened.push({ what: 'database', close: () => db.close() })
    const { clock } = db
    idsBy(clock)
    const secrets = secretsOf(config)
    const node = new Node(db.listen !== null)
    opened.push({ what: 'node', close: async () => node.close() })
    const relay = new Relay({ db, node, log, hear: word => hear(app, word) })
    opened.push({ what: 'relay', close: () => relay.close() })
    const bus = createBus({
      published(event) {
        relay.tell(['event', event.instanceId, event.seq])
        deliverSoon(app, event)
        countEvent(app, event)
      },
      read: (instanceId, seq) => readRecorded(app, instanceId, seq),
    })
    const background = new Background(log)
    const storage = await openStorage({ bucket: config.mediaBucket, folder: join(config.dataDir, 'media') })
    opened.push({ what: 'storage', close: () => storage.close() })
    const spool = await openSpool(config.dataDir, clock.nowMs())
    opened.push({ what: 'spool', close: () => spool.close() })
    const { control, network } = await openNetwork(config, log, opened)
    let ownPort: number | null = null
    const app: App = {
      node,
      relay,
      asked: new Asked(),
      config,
      clock,
      log,
      metrics,
      secrets,
      db,
      bus,
      storage,
      spool,
      fetches: new Fetches(),
      describer: new Describer(),
      lanes: new Lanes(),
      answers: new Ferry({ max: TOGETHER_MAX, carry: parts => takeTogether(app, parts, TOGETHER_WAIT_MS) }),
      delivery: createDelivery({ ...config.webhooks, ownPort: () => ownPort }),
      deliveries: new Deliveries(),
      networks: { ordinary: config.whatsapp, sandbox: network },
      sandbox: control,
      mail: openMail(config, log, clock),
      stripe: await openBilling(config),
      turns: new Turns(),
      lastUse: new LastUse(),
      calls: new Calls(),
      turnstile: new Turnstile({ atOnce: config.requestsAtOnce, log }),
      revocations: createRevocations(revocation => relay.tell(['revoked', revocation])),
      background: (what, work) => background.add(what, work),
      whatsapp: createWhatsApp({
        vault: createVault({ sql: db.sql, secrets, node: () => node.id }),
        news: newsFor(() => app),
        log,
        metrics: metrics.sockets,
        clock,
        mayWrite: () => node.holds,
      }),
    }
    opened.push({ what: 'last uses', close: () => writeLastUseDue(app) })
    opened.push({ what: 'calls', close: () => writeCallsDue(app) })
    opened.push({ what: 'delivery', close: () => app.delivery.close() })
    opened.push({ what: 'background work', close: () => background.settled() })
    opened.push({ what: 'whatsapp', close: () => app.whatsapp.close() })
    opened.push({ what: 'instances', close: () => leaveNodes(app) })
    opened.push({ what: 'deliveries', close: () => endDeliveries(app) })
    opened.push({ what: 'jobs', close: startJobs(app) })
    // Before the jobs: they wait for the letters that are on their way.
    opened.push({ what: 'mail', close: () => app.mail.close() })
    relay.open(() => {
      const missed = hearMissed(app)
      background.add('hear', missed)
    })
    await joinNodes(app)
    const expose = expositionOf(app)
    const listener = await openMetricsListener(app, expose)
    if (listener) opened.push({ what: 'metrics', close: () => listener.close() })
    const server = await createServer(app, {
      schema,
      expose,
      binary: [mediaContent],
      signed: [stripeWebhook],
      events: describeEvents(),
      dashboard: openDashboard(),
      doorkeeper: { mayBeGood, isOperator, admit, chargeMore, stillGood },
    })
    opened.push({ what: 'server', close: () => server.close() })
    const { port } = await server.listen({ host: config.host, port: config.port })
    ownPort = port
    const url = `http://${config.host}:${port}`
    log.info({ url, database: db.describe, node: node.id }, 'listening')
    if (listener) log.info({ url: listener.url }, 'metrics')
    return { app, url, metricsUrl: listener?.url ?? null, close: closing }
  } catch (error) {
    await closing()
    throw error
  }
}

/** The party's news, each to the operation of its chapter. */
const newsFor = (app: () => App): News => ({
  onConnection: (instanceId, news) => onConnection(app(), instanceId, news),
  onQr: (instanceId, news) => onQr(app(), instanceId, news),
  onMessage: (instanceId, news) => onMessage(app(), instanceId, news),
  onReaction: (instanceId, news) => onReaction(app(), instanceId, news),
  onEdit: (instanceId, news) => onEdit(app(), instanceId, news),
  onDelete: (instanceId, news) => onDelete(app(), instanceId, news),
  onSync: (instanceId, news) => onSync(app(), instanceId, news),
  onSeen: (instanceId, news) => onSeen(app(), instanceId, news),
  onAnswers: (instanceId, answers) => onAnswers(app(), instanceId, answers),
})

/** Its client takes a while to load: only who uses it waits. */
const openBilling = async ({ stripe }: Config): Promise<Stripe | null> =>
  stripe && (await import('./stripe/client.ts')).openStripe(stripe)

const openMail = (config: Config, log: Log, clock: Clock): Mailer =>
  config.smtp ? createSmtpMailer(config.smtp) : createLogMailer({ log, clock, production: config.production })

async function openNetwork(
  config: Config,
  log: Log,
  opened: { what: string; close: () => Promise<unknown> }[],
): Promise<{ control: SandboxControl | null; network: Network | null }> {
  if (!config.sandbox) return { control: null, network: null }
  let control: SandboxControl
  if (config.sandbox.controlUrl) control = controlClient(config.sandbox.controlUrl)
  else {
    const sandbox = await openSandbox({ dataDir: join(config.dataDir, 'sandbox'), log })
    opened.push({ what: 'sandbox', close: () => sandbox.close() })
    control = sandbox.control
  }
  const { webSocketUrl, mediaUrl, rootKey } = await control.network().catch(cause => {
    throw new ConfigError(`SANDBOX_URL: no sandbox answers there (${(cause as Error).message})`)
  })
  const { qrLifeMs } = config.sandbox
  return { control, network: { webSocketUrl, mediaUrl, rootKey: Buffer.from(rootKey, 'base64'), qrLifeMs } }
}

/** Work that outlives the call that began it. */
class Background {
  readonly #running = new Set<Promise<unknown>>()
  readonly #log: Log

  constructor(log: Log) {
    this.#log = log
  }

  add(what: string, work: Promise<unknown>): void {
    const tracked = work
      .catch(cause => this.#log.error({ err: cause, work: what }, 'background work failed'))
      .finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }

  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
  }
}
