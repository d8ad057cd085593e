/**
 * What clients and contacts did, written down by themselves and never by the server, and the one judgement over it:
 * what is lost, doubled, unexpected or out of order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './processes.ts'
import { type Message, type World, wordsOf } from './world.ts'

/** Same seed, same numbers (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export interface Sent {
  text: string
  startedMs: number
  endedMs: number
  /** Of the 202; null when there was none, so that nobody knows whether it was accepted. */
  id: string | null
}

export interface Chat {
  contact: string
  said: string[]
  sent: Sent[]
}

export interface Verdict {
  lost: string[]
  doubled: string[]
  unexpected: string[]
  inverted: string[]
}

export const PERFECT: Verdict = { lost: [], doubled: [], unexpected: [], inverted: [] }

const GREETING = 'hello'
const KINDS = ['lost', 'doubled', 'unexpected', 'inverted'] as const
const MAX_PER_CHAT = 5_000

/** Two sides that start their first session in the same instant would have to ask each other again. */
export async function acquaint(world: World, instanceId: string, contact: string): Promise<void> {
  await world.send(instanceId, contact, GREETING)
  await until(async () => (await world.shown(instanceId, contact)).length === 1, 'the contact has heard us')
  await world.say(instanceId, contact, GREETING)
  const heard = async () => (await world.messages(instanceId, contact)).some(({ direction }) => direction === 'inbound')
  await until(heard, 'we have heard the contact')
}

interface TrafficOptions {
  instanceId: string
  contacts: string[]
  random: () => number
  /** Otherwise both ways. */
  only?: 'in' | 'out'
}

/** Bursts in both directions of several chats of one instance, until `stop`. */
export class Traffic {
  readonly chats: Chat[]
  readonly #world: World
  readonly #instanceId: string
  readonly #random: () => number
  #stopped = false
  #running: Promise<unknown>

  constructor(world: World, options: TrafficOptions) {
    this.#world = world
    this.#instanceId = options.instanceId
    this.#random = options.random
    this.chats = options.contacts.map(contact => ({ contact, said: [], sent: [] }))
    const { only } = options
    const sides = this.chats.flatMap(chat => [only !== 'out' && this.#say(chat), only !== 'in' && this.#send(chat)])
    this.#running = Promise.all(sides)
    // Whoever stops it learns of a failure; until then it is not unhandled.
    this.#running.catch(() => {})
  }

  get accepted(): number {
    return this.chats.flatMap(chat => chat.sent).filter(sent => sent.id !== null).length
  }

  get said(): number {
    return this.chats.flatMap(chat => chat.said).length
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  #between(least: number, most: number): number {
    return least + Math.floor(this.#random() * (most - least + 1))
  }

  /** A contact writes: the network has it, whatever the server does. */
  async #say(chat: Chat): Promise<void> {
    while (!this.#stopped && chat.said.length < MAX_PER_CHAT) {
      for (let left = this.#between(1, 8); left > 0; left--) {
        const text = `in ${chat.contact} ${chat.said.length}`
        await this.#world.say(this.#instanceId, chat.contact, text)
        chat.said.push(text)
      }
      await sleep(this.#between(100, 800))
    }
  }

  /** A client calls: some of one burst at the same time, the next burst when all have their answer. */
  async #send(chat: Chat): Promise<void> {
    while (!this.#stopped && chat.sent.length < MAX_PER_CHAT) {
      while (!this.#world.servers.some(({ isUp }) => isUp) && !this.#stopped) await sleep(20)
      const burst = Array.from({ length: this.#between(1, 4) }, () => this.#sendOne(chat))
      const answered = (await Promise.all(burst)).every(Boolean)
      await sleep(answered ? this.#between(10, 150) : 100)
    }
  }

  async #sendOne(chat: Chat): Promise<boolean> {
    const text = `out ${chat.contact} ${chat.sent.length}`
    const sent: Sent = { text, startedMs: performance.now(), endedMs: Number.POSITIVE_INFINITY, id: null }
    chat.sent.push(sent)
    // With a key the first answer is kept beside the message, in one transaction; without, one statement is all.
    const key = chat.sent.length % 2 === 0 ? `${this.#instanceId} ${text}` : undefined
    const answer = await this.#world.send(this.#instanceId, chat.contact, text, key).catch(() => null)
    // Without an answer nobody knows when it was over: what a frozen server has received it may still do.
    if (answer) sent.endedMs = performance.now()
    if (answer?.status === 202) sent.id = answer.body.id
    else if (answer && answer.status < 500) throw new Error(`refused: ${JSON.stringify(answer)}`)
    return sent.id !== null
  }

  /** Whether everything arrived where it should; `true` says nothing about doubles. */
  async arrived(): Promise<boolean> {
    return (await this.verdict()).lost.length === 0
  }

  verdict(): Promise<Verdict> {
    return judge(this.#world, this.#instanceId, this.chats)
  }
}

export async function judge(world: World, instanceId: string, chats: Chat[]): Promise<Verdict> {
  const all: Verdict = { lost: [], doubled: [], unexpected: [], inverted: [] }
  for (const chat of chats) {
    const one = await judgeOne(world, instanceId, chat)
    for (const kind of KINDS) all[kind].push(...one[kind])
  }
  return all
}

async function judgeOne(world: World, instanceId: string, chat: Chat): Promise<Verdict> {
  const { contact } = chat
  const shown = (await world.shown(instanceId, contact)).filter(text => text !== GREETING)
  const all = await world.messages(instanceId, contact)
  const stored = all.filter(message => wordsOf(message) !== GREETING)
  const inbound = stored.filter(message => message.direction === 'inbound').map(wordsOf)
  const outbound = stored.filter(message => message.direction === 'outbound')
  const accepted = chat.sent.filter(sent => sent.id !== null)
  const tried = new Set(chat.sent.map(sent => sent.text))
  return {
    lost: [
      ...missing(chat.said, inbound),
      ...missing(textsOf(accepted), shown),
      ...accepted.filter(sent => !isDone(outbound, sent)).map(sent => `${sent.text} (status)`),
      // A row is a promise, also where its caller had no answer.
      ...missing(outbound.map(wordsOf), shown),
      ...outbound
        .filter(({ status }) => !DONE.includes(status))
        .map(message => `${wordsOf(message)} (${message.status})`),
    ],
    doubled: [...repeated(inbound), ...repeated(shown), ...repeated(outbound.map(wordsOf))],
    unexpected: [...missing(inbound, chat.said), ...shown.filter(text => !tried.has(text))],
    inverted: [...inbound.filter((text, i) => text !== chat.said[i]).slice(0, 3), ...inversions(chat.sent, shown)],
  }
}

/** What the status of a message may be once the network has it. */
export const DONE = ['sent', 'delivered', 'read']

const isDone = (outbound: Message[], sent: Sent): boolean =>
  outbound.some(message => message.id === sent.id && wordsOf(message) === sent.text && DONE.includes(message.status))

const textsOf = (all: Sent[]): string[] => all.map(sent => sent.text)

function missing(wanted: string[], found: string[]): string[] {
  const there = new Set(found)
  return wanted.filter(text => !there.has(text))
}

export function repeated(texts: string[]): string[] {
  const once = new Set<string>()
  return texts.filter(text => once.size === once.add(text).size)
}

/** What a client sent after it had the end of an earlier call must not be shown before that. */
export function inversions(sent: Sent[], shown: string[]): string[] {
  const place = new Map(shown.map((text, i) => [text, i]))
  const calls = sent.filter(({ text }) => place.has(text))
  return calls.flatMap(later => {
    const at = place.get(later.text)!
    const overtaken = calls.find(earlier => earlier.endedMs < later.startedMs && place.get(earlier.text)! > at)
    return overtaken ? [`${later.text} before ${overtaken.text}`] : []
  })
}
