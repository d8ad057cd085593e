/** What may happen on a day: each step does one thing, and notes in the model what has to come of it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '../src/sandbox/sandbox.ts'
import { type Model, type Said, type Sent, saysOf, type Talk } from './simulation-model.ts'
import { type Answer, type Caller, type Json, type TestApp, until } from './support/app.ts'

export interface Day {
  wataki: TestApp
  caller: Caller
  instanceId: string
  path: string
  model: Model
  random: () => number
  /** `med_…` of a picture that can be sent. */
  mediaId: string
  /** Counts the words, so that no two are the same. */
  words: number
}

export type Step = (day: Day) => Promise<void>

const pick = <T>(day: Day, from: T[]): T => from[Math.floor(day.random() * from.length)]!
const word = (day: Day, what: string): string => `${what} ${++day.words}`
const friend = (day: Day): Talk =>
  pick(
    day,
    day.model.talks.filter(talk => !talk.refuses),
  )
const EMOJIS = ['👍', '❤️', '😂', '']

const contents = (day: Day, text: string): [string, object][] => [
  ['text', { text }],
  ['image', { media: { media_id: day.mediaId }, caption: text }],
  ['location', { latitude: -23.55, longitude: -46.63, name: text }],
  ['contacts', { contacts: [{ name: text, phone: '+5511988887777' }] }],
]

async function send(day: Day, talk: Talk, more: object = {}): Promise<void> {
  const text = word(day, 'out')
  const [type, content] = day.random() < 0.6 ? contents(day, text)[0]! : pick(day, contents(day, text))
  const sent: Sent = { first: text, now: text, deleted: false, reaction: '', id: null, refused: talk.refuses }
  talk.sent.push(sent)
  const key = day.random() < 0.3 ? { 'idempotency-key': text } : undefined
  const body = { chat_id: talk.contact, type, content, ...more }
  const ask = () => day.caller.post(`${day.path}/messages`, body, key)
  const answer = await ask().catch(() => null)
  if (answer?.status === 202) sent.id = answer.body.id
  else if (answer && answer.status < 500) {
    // Refused for the state of the instance: as if nothing had been asked.
    talk.sent.splice(talk.sent.indexOf(sent), 1)
    if (answer.body.error?.code !== 'instance_not_connected') throw unexpected(answer)
  }
  if (!key || !sent.id) return
  const again = await ask().catch(() => null)
  if (again && again.body.id !== sent.id) throw unexpected(again)
}

const unexpected = (answer: Answer): Error => new Error(`unexpected: ${answer.status} ${JSON.stringify(answer.body)}`)

async function say(day: Day, talk: Talk): Promise<void> {
  const text = word(day, 'in')
  const content =
    day.random() < 0.8
      ? { type: 'text' as const, text }
      : { type: 'image' as const, bytes: Buffer.from(text).toString('base64'), mimeType: 'image/png', caption: text }
  const sandbox = day.wataki.app.sandbox!
  const { whatsappId } = await sandbox.sendMessage(day.instanceId, { from: talk.contact, content })
  talk.said.push({ first: text, now: text, deleted: false, reaction: '', whatsappId, fromPhone: false })
}

async function sayFromPhone(day: Day): Promise<void> {
  const talk = friend(day)
  const text = word(day, 'phone')
  const sandbox = day.wataki.app.sandbox!
  const { whatsappId } = await sandbox.sendFromPhone(day.instanceId, {
    to: talk.contact,
    content: { type: 'text', text },
  })
  talk.said.push({ first: text, now: text, deleted: false, reaction: '', whatsappId, fromPhone: true })
}

/** A message of the instance that the contact has and that is not deleted; with its name on the network. */
async function known(day: Day, talk: Talk): Promise<{ sent: Sent; whatsappId: string; type: string } | null> {
  const candidates = talk.sent.filter(sent => sent.id !== null && !sent.deleted && !sent.refused)
  if (candidates.length === 0) return null
  const sent = pick(day, candidates)
  const shown = (await day.model.shown(talk)).find(each => !each.fromMe && !each.deleted && saysOf(each) === sent.now)
  return shown ? { sent, whatsappId: shown.whatsappId, type: shown.content.type } : null
}

const ownWords = (talk: Talk): Said[] => talk.said.filter(said => !said.deleted && !said.fromPhone)

async function contactReacts(day: Day): Promise<void> {
  const talk = friend(day)
  await send(day, talk)
  const found = await known(day, talk)
  if (!found) return
  const emoji = pick(day, EMOJIS)
  const { whatsappId } = found
  await day.wataki.app.sandbox!.reaction(day.instanceId, { contact: talk.contact, whatsappId, emoji })
  found.sent.reaction = emoji
}

async function contactChanges(day: Day): Promise<void> {
  const talk = friend(day)
  await say(day, talk)
  const own = ownWords(talk).filter(said => said.now.startsWith('in') && said.first === said.now)
  if (own.length === 0) return
  const said = pick(day, own)
  const shown = (await day.model.shown(talk)).find(each => each.whatsappId === said.whatsappId)
  const sandbox = day.wataki.app.sandbox!
  const { contact } = talk
  const { whatsappId } = said
  if (day.random() < 0.5) {
    await sandbox.deleteMessage(day.instanceId, { contact, whatsappId })
    said.deleted = true
  } else if (shown?.content.type === 'text') {
    const text = word(day, 'in edited')
    await sandbox.editMessage(day.instanceId, { contact, whatsappId, text })
    said.now = text
  }
}

/** The API's id of what a contact said, once it is there. */
async function idOf(day: Day, talk: Talk, said: Said): Promise<string | null> {
  const row = (await day.model.told(talk)).find(each => saysOf(each) === said.now)
  return row?.id ?? null
}

async function react(day: Day): Promise<void> {
  const talk = friend(day)
  const own = ownWords(talk)
  if (own.length === 0) return
  const said = pick(day, own)
  const id = await idOf(day, talk, said)
  if (!id) return
  const emoji = pick(day, EMOJIS)
  const answer = await day.caller.post(`${day.path}/messages/${id}/react`, { emoji })
  if (taken(answer)) said.reaction = emoji
}

async function markRead(day: Day): Promise<void> {
  const talk = friend(day)
  const own = ownWords(talk)
  const id = own.length > 0 ? await idOf(day, talk, pick(day, own)) : null
  if (id) taken(await day.caller.post(`${day.path}/messages/${id}/read`))
}

/** False: the instance is not connected, and nothing comes of it. */
function taken(answer: Answer): boolean {
  if (answer.status === 202 || answer.status === 204) return true
  const { code, details } = answer.body?.error ?? {}
  // What a contact has deleted meanwhile is found by the server only.
  const isGone = code === 'validation_error' && JSON.stringify(details).includes('deleted')
  if (code === 'instance_not_connected' || isGone) return false
  throw unexpected(answer)
}

async function change(day: Day): Promise<void> {
  const talk = friend(day)
  await several(day, 2, talk)
  const found = await known(day, talk)
  if (!found) return
  const { sent, type } = found
  const at = `${day.path}/messages/${sent.id}`
  if (day.random() < 0.5) {
    if (taken(await day.caller.delete(at))) sent.deleted = true
  } else if (type === 'text') {
    const text = word(day, 'out edited')
    if (taken(await day.caller.patch(at, { content: { text } }))) sent.now = text
  }
}

const fault = (day: Day, of: Fault): Promise<void> => day.wataki.app.sandbox!.fault(day.instanceId, of)

const state = async (day: Day): Promise<string> => (await day.caller.get(`${day.path}/status`)).body.state

/** Back to where every step can begin. */
export async function online(day: Day): Promise<void> {
  if ((await state(day)) === 'connected') return
  if (['disconnected', 'error'].includes(await state(day))) await day.caller.post(`${day.path}/connect`)
  await until(
    () => state(day),
    now => now === 'connected',
    60_000,
  )
}

const several = (day: Day, count: number, talk = friend(day)) =>
  Promise.all(Array.from({ length: count }, () => send(day, talk)))

async function quote(day: Day): Promise<void> {
  const talk = friend(day)
  const own = ownWords(talk)
  const id = own.length > 0 ? await idOf(day, talk, pick(day, own)) : null
  await send(day, talk, id ? { quoted_message_id: id } : {})
}

async function heldAcks(day: Day): Promise<void> {
  await fault(day, { kind: 'hold_acks' })
  await several(day, 3)
  // Acks of a connection that is gone are gone with it.
  if (day.random() < 0.5) await fault(day, { kind: 'drop' })
  await online(day)
  await fault(day, { kind: 'release_acks' })
}

async function offline(day: Day): Promise<void> {
  await day.caller.post(`${day.path}/disconnect`)
  await say(day, friend(day))
  await send(day, friend(day))
  await day.caller.post(`${day.path}/connect`)
  await online(day)
}

async function restart(day: Day): Promise<void> {
  const sending = day.random() < 0.5 ? several(day, 3) : Promise.resolve()
  await sleep(day.random() * 50)
  await day.wataki.restart()
  await sending
  await online(day)
}

async function receiptsAgain(day: Day): Promise<void> {
  const talk = friend(day)
  await send(day, talk)
  const found = await known(day, talk)
  if (!found) return
  const { whatsappId } = found
  for (const status of ['read', 'delivered', 'read'] as const) {
    await day.wataki.app.sandbox!.receipt(day.instanceId, { contact: talk.contact, whatsappId, status })
  }
}

const streamError = async (day: Day) => {
  await fault(day, { kind: 'stream_error', code: pick(day, [515, 503, 500]) })
  await send(day, friend(day))
  await online(day)
}

const dropAmid = async (day: Day) => {
  const sending = several(day, 4)
  await fault(day, { kind: 'drop' })
  await sending
  await online(day)
}

const twice = async (day: Day) => {
  await fault(day, { kind: 'duplicate_next' })
  await say(day, friend(day))
}

const refused = (day: Day) => send(day, day.model.talks.find(talk => talk.refuses)!)

/** How often each comes, of all that may. */
const STEPS: [number, Step, string][] = [
  [20, day => send(day, friend(day)), 'send'],
  [8, day => several(day, 5).then(() => {}), 'send several'],
  [20, day => say(day, friend(day)), 'say'],
  [5, quote, 'quote'],
  [6, contactReacts, 'contact reacts'],
  [6, contactChanges, 'contact edits or deletes'],
  [6, react, 'react'],
  [6, change, 'edit or delete'],
  [4, markRead, 'mark read'],
  [4, sayFromPhone, 'send from the phone'],
  [4, receiptsAgain, 'receipts again'],
  [4, refused, 'a send that is refused'],
  [4, twice, 'a message twice'],
  [4, dropAmid, 'drop'],
  [3, streamError, 'stream error'],
  [2, heldAcks, 'acks held'],
  [2, offline, 'disconnect, connect'],
  [2, restart, 'restart'],
]

/** Each step once, in no order, and then as often as they come. */
export function* stepsOf(random: () => number): Generator<{ name: string; step: Step }, never> {
  const all = STEPS.map(([, step, name]) => ({ step, name }))
  while (all.length > 0) yield all.splice(Math.floor(random() * all.length), 1)[0]!
  const total = STEPS.reduce((sum, [weight]) => sum + weight, 0)
  for (;;) {
    let left = random() * total
    const [, step, name] = STEPS.find(([weight]) => (left -= weight) < 0)!
    yield { step, name }
  }
}

/** Unread is what was said since the account last wrote. */
export async function unreadCounts(day: Day): Promise<string[]> {
  const talk = friend(day)
  const unread = async (): Promise<number> =>
    (await day.caller.get(`${day.path}/chats/${talk.contact}`)).body.unread_count as number
  await send(day, talk)
  const wrong: string[] = []
  if ((await unread()) !== 0) wrong.push(`${talk.contact} has unread messages after an answer`)
  for (let i = 0; i < 2; i++) await say(day, talk)
  const there = async () => {
    const told: Json[] = await day.model.told(talk)
    return talk.said.every(said => said.deleted || told.some(row => saysOf(row) === said.now))
  }
  await until(there, Boolean)
  if ((await unread()) !== 2) wrong.push(`${talk.contact} has ${await unread()} unread messages, not 2`)
  return wrong
}
