import { setTimeout as sleep } from 'node:timers/promises'
import { CHANNEL, type Channel, WORD_MAX_BYTES } from '../../db/channel.ts'
import type { Database } from '../../db/open.ts'
import type { Log } from '../../telemetry/log.ts'
import type { Revocation } from '../auth/revocations.ts'
import type { Node } from './node.ts'

/** What one node tells all others. Each can be missed: what it tells of is in the tables, and looked for there, too. */
export type Word =
  /** An event of the instance was recorded, with this count. */
  | ['event', instanceId: string, seq: number]
  /** A message waits to go out. */
  | ['due', instanceId: string]
  /** A delivery waits. */
  | ['webhook', webhookId: string, tenantId: string]
  /** A delivery has been tried. */
  | ['tried', tenantId: string, instanceId: string, deliveryId: string]
  /** WhatsApp has answered what a row asks for. */
  | ['settled', messageId: string]
  | ['revoked', revocation: Revocation]
  /** It is deleted. */
  | ['gone', about: string]
  /** Instances are to be had, or nodes have come or gone. */
  | ['free']
  | ['command', nodeId: string]
  | ['answer', commandId: string]

/** Company that a word waits for. */
const LINGER_MS = 1
/** While the database does not take them; each beyond is one that is missed. */
const WORDS_MAX = 10_000

/** The way of words to the other nodes: many at once, and none while there is nobody to hear them. */
export class Relay {
  readonly #db: Database
  readonly #node: Node
  readonly #log: Log
  readonly #hear: (word: Word) => void
  /** Of events of an instance the newest says all. */
  #words = new Map<string, Word>()
  #sending: Promise<void> | null = null
  #channel: Channel | null = null

  constructor(parts: { db: Database; node: Node; log: Log; hear: (word: Word) => void }) {
    this.#db = parts.db
    this.#node = parts.node
    this.#log = parts.log
    this.#hear = parts.hear
  }

  /** `onOpen` is called each time that words may have been missed. */
  open(onOpen: () => void): void {
    this.#channel = this.#db.listen?.({ onWord: text => this.#take(text), onOpen }) ?? null
  }

  tell(word: Word): void {
    if (this.#node.hasPeers) this.#tell(word)
  }

  /** Also to nodes that this one does not know of yet. */
  tellAll(word: Word): void {
    if (this.#node.shared) this.#tell(word)
  }

  /** Resolves when what was told is on its way. */
  async close(): Promise<void> {
    await this.#sending
    await this.#channel?.close()
  }

  #tell(word: Word): void {
    const key = word[0] === 'event' ? `event ${word[1]}` : JSON.stringify(word)
    if (this.#words.size < WORDS_MAX || this.#words.has(key)) this.#words.set(key, word)
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null
    })
  }

  async #send(): Promise<void> {
    while (this.#words.size > 0) {
      await sleep(LINGER_MS)
      const words = [...this.#words.values()]
      this.#words = new Map()
      for (const text of this.#packed(words)) {
        await this.#db.sql
          .query('select pg_notify($1, $2)', [CHANNEL, text], 'tell-nodes')
          .catch(cause => this.#log.debug({ err: cause }, 'other nodes could not be told'))
      }
    }
  }

  /** As few texts as hold them. */
  *#packed(words: Word[]): Generator<string> {
    const head = `[${JSON.stringify(this.#node.id)}`
    let text = head
    for (const word of words) {
      const next = `,${JSON.stringify(word)}`
      if (text.length + next.length > WORD_MAX_BYTES) {
        yield `${text}]`
        text = head
      }
      text += next
    }
    yield `${text}]`
  }

  #take(text: string): void {
    let said: [string, ...Word[]]
    try {
      said = JSON.parse(text)
    } catch {
      // Of somebody else on the same database.
      return
    }
    const [from, ...words] = Array.isArray(said) ? said : []
    if (from !== this.#node.id) for (const word of words) if (Array.isArray(word)) this.#hear(word)
  }
}
