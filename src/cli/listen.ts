/**
 * The room of the client: what a developer runs on a machine of their own. It knows a server by its public API alone,
 * and refuses to know a database.
 */
import { newSecret } from '../delivery/sign.ts'
import { envelope } from '../events/envelope.ts'
import { EVENTS } from '../events/payloads.ts'
import { type AccountOptions, accountOf, secretIn, urlIn } from './account.ts'
import type { Happened } from './follow.ts'
import { forward, type Outcome } from './forward.ts'
import { openLive, untilEnded } from './live.ts'
import { printable, say } from './output.ts'
import type { Server } from './server.ts'
import { Trouble, Usage } from './trouble.ts'

export interface ListenOptions extends AccountOptions {
  instance?: string
  events?: string
  forwardTo?: string
  secret?: string
  secretFile?: string
  format: string
  json?: boolean
}

interface Told {
  secret: string
  forwardTo: string | null
  json: boolean
}

const LISTED_MAX = 20
const FOUND_MAX = 200

const INSTANCE = 'query ($id: ID!) { instance(instanceId: $id) { id eventCount } }'
const INSTANCES = 'query ($limit: Int) { instances(limit: $limit) { data { id name eventCount } } }'

/** Tells of each event from now on, in order and once, until a signal ends it. */
export async function listen(options: ListenOptions): Promise<void> {
  const account = accountOf(options)
  const { events, instance, ...told } = asked(options)
  await untilEnded(async () => {
    const live = openLive(account)
    const { id, eventCount } = await instanceOf(live.server, instance)
    // From that count on nothing is left out, however late the subscription begins.
    say(told.made ? `Ready. Signing secret ${told.secret}` : 'Ready.')
    for await (const each of live.events({ instanceId: id, events, seq: eventCount })) await tell(each, told)
  })
}

function asked({ format, secret, secretFile, ...options }: ListenOptions) {
  if (!['text', 'json'].includes(format)) throw new Usage('--format must be text or json')
  if (secret === '') throw new Usage('--secret must not be empty')
  const given = secretFile === undefined ? secret : secretIn('--secret-file', secretFile)
  return {
    instance: options.instance ?? null,
    events: options.events === undefined ? null : typesIn(options.events),
    secret: given ?? newSecret(),
    made: given === undefined,
    forwardTo: options.forwardTo === undefined ? null : urlIn('--forward-to', options.forwardTo).href,
    json: options.json === true || format === 'json',
  }
}

/** As GraphQL spells them. */
export function typesIn(text: string): string[] {
  const types = text.split(',').map(each => each.trim())
  const unknown = types.find(each => !Object.hasOwn(EVENTS, each))
  if (unknown !== undefined) {
    throw new Usage(`--events: there is no ${unknown || 'empty word'}, but ${Object.keys(EVENTS).join(', ')}`)
  }
  return types.map(each => each.replace('.', '_'))
}

interface Found {
  id: string
  name: string
  eventCount: number
}

/** The one that is named, or the only one there is. */
async function instanceOf(server: Server, named: string | null): Promise<Pick<Found, 'id' | 'eventCount'>> {
  if (named?.startsWith('inst_')) return (await server.ask<{ instance: Found }>(INSTANCE, { id: named })).instance
  const limit = named === null ? LISTED_MAX : FOUND_MAX
  const { instances } = await server.ask<{ instances: { data: Found[] } }>(INSTANCES, { limit })
  if (named !== null) {
    const found = instances.data.find(each => each.name === named)
    if (!found) throw new Trouble(`there is no instance ${named}`, { code: 'not_found' })
    return found
  }
  const [only, ...others] = instances.data
  if (!only) throw new Trouble('the account has no instance yet')
  if (others.length === 0) return only
  const names = instances.data.map(each => `${each.id} (${each.name})`).join(', ')
  throw new Usage(`which instance? Say --instance with one of ${names}`)
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
