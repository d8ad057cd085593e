/**
 * The room of the client: what a developer runs on a machine of their own. It knows a server by its public API alone,
 * and refuses to know a database.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { readApiKey } from '../config.ts'
import { newSecret } from '../delivery/sign.ts'
import { envelope } from '../events/envelope.ts'
import { EVENTS } from '../events/payloads.ts'
import { forward, type Outcome } from './forward.ts'
import { openServer, type Server } from './server.ts'
import { Lost, Trouble } from './trouble.ts'

/** An event as the subscription gives it: its type as GraphQL spells it, with an underscore. */
interface Happened {
  id: string
  event: string
  instanceId: string
  seq: number
  timestamp: string
  data: unknown
}

interface Told {
  secret: string
  forwardTo: string | null
  json: boolean
}

const WAIT_BASE_MS = 500
const WAIT_MAX_MS = 30_000
const LISTED_MAX = 20

const INSTANCE = 'query ($id: ID!) { instance(instanceId: $id) { id eventCount } }'
const INSTANCES = 'query ($limit: Int) { instances(limit: $limit) { data { id name eventCount } } }'
const EVENTS_AFTER = `subscription ($instanceId: ID!, $events: [EventType!], $after: ID) {
  eventOccurred(instanceId: $instanceId, events: $events, after: $after) { id event instanceId seq timestamp data }
}`

/** Tells of each event from now on, in order and once, until a signal ends it. */
export async function listen(words: string[]): Promise<void> {
  const { url, apiKey, instance, events, ...told } = optionsIn(words)
  const ended = Promise.withResolvers<void>()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.resolve())
  // Whoever read along has left.
  process.stdout.once('error', () => ended.resolve())
  let lost = false
  const onConnected = () => {
    if (lost) say('Connected again.')
    lost = false
  }
  const server = openServer({ url, apiKey, onConnected })
  const onLost = ({ message }: Lost) => {
    if (!lost) say(`Trying again: ${message}.`)
    lost = true
  }
  const work = async () => {
    const { id, eventCount } = await instanceOf(server, instance)
    // From that count on nothing is left out, however late the subscription begins.
    say(told.made ? `Ready. Signing secret ${told.secret}` : 'Ready.')
    for await (const each of eventsAfter(server, { instanceId: id, events, seq: eventCount, onLost })) {
      await tell(each, told)
    }
  }
  await Promise.race([ended.promise, work()])
}

const say = (line: string) => console.error(line)

function optionsIn(words: string[]) {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    args: words,
    options: {
      url: { type: 'string', default: 'http://localhost:3000' },
      'api-key': text,
      instance: text,
      'forward-to': text,
      events: text,
      secret: text,
      format: { type: 'string', default: 'text' },
    },
  })
  const apiKey = values['api-key'] ?? readApiKey()
  if (!apiKey) throw new Trouble('listen needs --api-key, or WATAKI_API_KEY')
  if (!['text', 'json'].includes(values.format)) throw new Trouble('--format must be text or json')
  if (values.secret === '') throw new Trouble('--secret must not be empty')
  const target = values['forward-to']
  return {
    url: urlIn('--url', values.url),
    apiKey,
    instance: values.instance ?? null,
    events: values.events === undefined ? null : typesIn(values.events),
    secret: values.secret ?? newSecret(),
    made: values.secret === undefined,
    forwardTo: target === undefined ? null : urlIn('--forward-to', target).href,
    json: values.format === 'json',
  }
}

/** `localhost:4000/hook` will do. */
function urlIn(option: string, text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol)) throw new Trouble(`${option} must be an http or https URL`)
  return url
}

/** As GraphQL spells them. */
function typesIn(text: string): string[] {
  const types = text.split(',').map(each => each.trim())
  const unknown = types.find(each => !Object.hasOwn(EVENTS, each))
  if (unknown !== undefined) {
    throw new Trouble(`--events: there is no ${unknown || 'empty word'}, but ${Object.keys(EVENTS).join(', ')}`)
  }
  return types.map(each => each.replace('.', '_'))
}

interface Found {
  id: string
  name: string
  eventCount: number
}

/** The one that is named, or the only one there is. */
async function instanceOf(server: Server, id: string | null): Promise<Pick<Found, 'id' | 'eventCount'>> {
  if (id !== null) return (await server.ask<{ instance: Found }>(INSTANCE, { id })).instance
  const { instances } = await server.ask<{ instances: { data: Found[] } }>(INSTANCES, { limit: LISTED_MAX })
  const [only, ...others] = instances.data
  if (!only) throw new Trouble('the account has no instance yet')
  if (others.length === 0) return only
  const names = instances.data.map(each => `${each.id} (${each.name})`).join(', ')
  throw new Trouble(`which instance? Say --instance with one of ${names}`)
}

/** Without a gap and without a double, over as many connections as it takes. */
async function* eventsAfter(
  server: Server,
  from: { instanceId: string; events: string[] | null; seq: number; onLost: (lost: Lost) => void },
): AsyncGenerator<Happened, void> {
  const { instanceId, events, onLost } = from
  let { seq } = from
  let failures = 0
  for (;;) {
    const sinceMs = performance.now()
    const variables = { instanceId, events, after: String(seq) }
    try {
      for await (const { eventOccurred } of server.follow<{ eventOccurred: Happened }>(EVENTS_AFTER, variables)) {
        yield eventOccurred
        seq = eventOccurred.seq
        failures = 0
      }
    } catch (error) {
      if (!(error instanceof Lost)) throw error
      onLost(error)
      if (performance.now() - sinceMs > WAIT_MAX_MS) failures = 0
      await wait(Math.min(WAIT_MAX_MS, WAIT_BASE_MS * 2 ** failures++) * (0.5 + Math.random() / 2))
    }
  }
}

async function tell(happened: Happened, { secret, forwardTo, json }: Told): Promise<void> {
  const { id, instanceId } = happened
  const event = happened.event.replace('_', '.')
  const at = new Date(happened.timestamp)
  const body = envelope({ id, event, instanceId, at, data: JSON.stringify(happened.data) })
  const outcome = forwardTo === null ? null : await forward(forwardTo, { id, body, secret })
  const line = json ? jsonOf(body, outcome) : textOf({ id, event, at, body, outcome })
  console.log(printable(line))
}

function jsonOf(body: string, outcome: Outcome | null): string {
  if (!outcome) return body
  const { statusCode, error, durationMs } = outcome
  const forwarded = { status_code: statusCode, error, duration_ms: durationMs }
  return JSON.stringify({ ...JSON.parse(body), forwarded })
}

function textOf(told: { id: string; event: string; at: Date; body: string; outcome: Outcome | null }): string {
  const { id, event, at, body, outcome } = told
  const time = at.toTimeString().slice(0, 8)
  if (!outcome) return `${time} ${event} ${id}\n${JSON.stringify(JSON.parse(body), null, 2)}`
  const { statusCode, error, durationMs } = outcome
  return `${time} ${event} → ${statusCode ?? `failed: ${error}`} (${durationMs} ms) ${id}`
}

/** What contacts write must not steer a terminal. JSON has escaped the rest of the control characters. */
const printable = (text: string): string =>
  text.replace(/[\x7f-\x9f]/g, each => `\\u00${each.charCodeAt(0).toString(16)}`)
