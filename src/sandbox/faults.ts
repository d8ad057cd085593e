import type { Companion } from './companion.ts'
import type { Connection } from './connection.ts'
import { el } from './stanza.ts'
import type { BinaryNode } from './wa.ts'

interface IqRule {
  xmlns: string
  tag?: string | undefined
  /** Null: no answer at all. */
  code: number | null
  text: string
  times: number
}

interface HeldAck {
  conn: Connection
  node: BinaryNode
}

const MAX_HELD = 20_000
const MAX_REFUSALS = 1_000

/** Everything that can be broken. All off at the start, and after a restart. */
export class Faults {
  /** Delay of each frame to a client. */
  latencyMs = 0
  /** Delay of message acks; Infinity: never. */
  ackDelayMs = 0
  /** The next so many messages to clients are sent twice. */
  duplicateNext = 0
  /** `<failure reason>` for every login. */
  loginFailure: number | null = null
  /** HTTP status instead of a WebSocket. */
  upgradeStatus: number | null = null
  /** Nothing is answered on live connections: clients die of keep-alive, 408. */
  silent = false
  readonly #nacks: number[] = []
  readonly #refusals = new Map<string, number[]>()
  readonly #unreadable = new Map<string, number>()
  readonly #iqRules: IqRule[] = []
  readonly #duplicates = new Map<string, number>()
  readonly #heldAcks = new Map<string, HeldAck[]>()
  readonly #releases = new Map<string, (() => void)[]>()
  #held: (() => void)[] | null = null

  /** The next message of any client is refused with this code. */
  nackNext(code: number): void {
    this.#nacks.push(code)
  }

  /** The next message of this account is. */
  refuseNext(account: string, code: number): void {
    const codes = this.#refusals.get(account) ?? []
    if (codes.length < MAX_REFUSALS) this.#refusals.set(account, [...codes, code])
  }

  unreadableNextFor(account: string): void {
    this.#unreadable.set(account, (this.#unreadable.get(account) ?? 0) + 1)
  }

  takeUnreadable(account: string): boolean {
    return takeOne(this.#unreadable, account)
  }

  takeNack(account: string): number | undefined {
    const code = this.#refusals.get(account)?.shift()
    return code ?? this.#nacks.shift()
  }

  /** The next iq of this kind gets an error. */
  failIq(xmlns: string, options: Partial<Omit<IqRule, 'xmlns'>> = {}): void {
    this.#iqRules.push({ xmlns, code: 500, text: 'internal-server-error', times: 1, ...options })
  }

  takeIq(xmlns: string, tag: string): IqRule | undefined {
    const rule = this.#iqRules.find(r => r.xmlns === xmlns && (!r.tag || r.tag === tag))
    if (rule && --rule.times <= 0) this.#iqRules.splice(this.#iqRules.indexOf(rule), 1)
    return rule
  }

  /** Holds back what goes to clients, until `release`. */
  hold(): { release: (options?: { reverse?: boolean }) => void } {
    this.#held ??= []
    return {
      release: (options = {}) => {
        const held = this.#held ?? []
        this.#held = null
        if (options.reverse) held.reverse()
        for (const send of held) send()
      },
    }
  }

  duplicateNextFor(account: string): void {
    this.#duplicates.set(account, (this.#duplicates.get(account) ?? 0) + 1)
  }

  outbound(companion: Companion, node: BinaryNode, send: () => void): void {
    const run = () => {
      send()
      if (node.tag === 'message' && this.#takeDuplicate(companion.person.pn)) send()
    }
    if (this.#held && this.#held.length < MAX_HELD) this.#held.push(run)
    else run()
  }

  #takeDuplicate(account: string): boolean {
    if (this.duplicateNext > 0) {
      this.duplicateNext--
      return true
    }
    return takeOne(this.#duplicates, account)
  }

  holdAcks(account: string): void {
    if (!this.#heldAcks.has(account)) this.#heldAcks.set(account, [])
  }

  /** Acks of connections that are gone since are lost, as they would be. */
  releaseAcks(account: string): void {
    const held = this.#heldAcks.get(account) ?? []
    this.#heldAcks.delete(account)
    for (const { conn, node } of held) conn.send(node)
    for (const go of this.#releases.get(account) ?? []) go()
    this.#releases.delete(account)
  }

  /** What contacts answer of their own accord would prove what the ack is to tell: it waits for the ack. */
  acksReleased(account: string): Promise<void> {
    if (!this.#heldAcks.has(account)) return Promise.resolve()
    return new Promise(go => this.#releases.set(account, [...(this.#releases.get(account) ?? []), go]))
  }

  forget(account: string): void {
    this.releaseAcks(account)
    this.#duplicates.delete(account)
    this.#refusals.delete(account)
    this.#unreadable.delete(account)
  }

  /** Tells a client what became of its message. */
  ack(conn: Connection, message: BinaryNode, error?: number): void {
    const { id, to } = message.attrs
    const node = el('ack', { id, class: 'message', from: to, t: conn.sim.now(), error })
    const held = error === undefined ? this.#heldAcks.get(conn.companion?.person.pn ?? '') : undefined
    if (held) {
      if (held.push({ conn, node }) > MAX_HELD) held.shift()
    } else if (this.ackDelayMs === 0 || error !== undefined) conn.send(node)
    else if (this.ackDelayMs !== Number.POSITIVE_INFINITY) conn.sim.timer(() => conn.send(node), this.ackDelayMs)
  }
}

function takeOne(counts: Map<string, number>, account: string): boolean {
  const left = counts.get(account) ?? 0
  if (left > 1) counts.set(account, left - 1)
  else counts.delete(account)
  return left > 0
}
