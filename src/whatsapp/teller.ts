import type { AuthenticationCreds, BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../clock.ts'
import { completeAddress } from './inbound/addresses.ts'
import type { Told } from './inbound/decode.ts'
import { readReceipts, readSeen } from './inbound/receipt.ts'
import { addressOf, isGroup, phoneNumberOf, plainJid } from './jid.ts'
import type { KeyStore } from './key-store.ts'
import { isLeaseLost } from './lease.ts'
import type { Log } from './log.ts'
import { NewsQueue } from './news-queue.ts'
import type { Address, ConnectionNews, InstanceState, News, SeenNews, SyncNews } from './whatsapp.ts'

/** The last pause is a minute, and two in all. */
const STATE_ATTEMPTS = 8
const STATE_PAUSE_MS = 500

/** Everything one session has to say to the house, in order. Only a change of the connection is told. */
export class Teller {
  readonly #instanceId: string
  readonly #news: News
  readonly #clock: Clock
  readonly #queue: NewsQueue
  readonly #onLeaseLost: () => void
  #told: ConnectionNews | null = null
  #quiet = false

  constructor(options: {
    instanceId: string
    news: News
    log: Log
    clock: Clock
    maxNews: number
    /** The house refused news because another session has the instance. */
    onLeaseLost: () => void
  }) {
    this.#instanceId = options.instanceId
    this.#news = options.news
    this.#onLeaseLost = options.onLeaseLost
    this.#clock = options.clock
    this.#queue = new NewsQueue({
      instanceId: options.instanceId,
      log: options.log,
      maxJobs: options.maxNews,
      tellAnswers: answers => options.news.onAnswers(options.instanceId, answers),
    })
  }

  get lastState(): InstanceState | null {
    return this.#told?.state ?? null
  }

  /** From now on nothing is told, also not what waits for its turn. */
  silence(): void {
    this.#quiet = true
    this.#queue.clear()
  }

  connection(state: InstanceState, of: Standing): void {
    const told = connectionNews(state, of)
    if (this.#quiet || JSON.stringify(told) === JSON.stringify(this.#told)) return
    this.#told = told
    this.#tellConnection(told, 1)
  }

  /** A state that was not taken would stand wrong for as long as nothing changes: it is told again, if it still holds. */
  #tellConnection(told: ConnectionNews, attempt: number): void {
    this.#queue.replace('connection', async () => {
      try {
        await this.#news.onConnection(this.#instanceId, told)
      } catch (error) {
        if (isLeaseLost(error)) return this.#onLeaseLost()
        const again = () => {
          if (this.#told === told && !this.#quiet) this.#tellConnection(told, attempt + 1)
        }
        if (attempt < STATE_ATTEMPTS) setTimeout(again, STATE_PAUSE_MS * 2 ** (attempt - 1)).unref()
        throw error
      }
    })
  }

  qr(qr: string, { lifeMs, epoch }: { lifeMs: number; epoch: number }): void {
    if (this.#quiet) return
    const expiresAt = new Date(this.#clock.nowMs() + lifeMs)
    this.#queue.replace('qr', async () => {
      try {
        await this.#news.onQr(this.#instanceId, { qr, expiresAt, epoch })
      } catch (error) {
        if (isLeaseLost(error)) return this.#onLeaseLost()
        throw error
      }
    })
  }

  ack({ id, error }: Record<string, string>): void {
    if (this.#quiet || !id) return
    this.#queue.answer(async () => ({ kind: 'ack', whatsappId: id, errorCode: error ?? null }))
  }

  receipt(node: BinaryNode, keys: KeyStore): void {
    if (this.#quiet) return
    const me = { id: keys.creds.me?.id, lid: keys.creds.me?.lid }
    for (const { readerAlias, ...receipt } of readReceipts(node, me))
      this.#queue.answer(async () => {
        const reader = await completed(addressOf(receipt.reader, readerAlias), keys)
        const chat = receipt.chat === receipt.reader ? reader : addressOf(receipt.chat)
        return { kind: 'receipt', ...receipt, chat, reader }
      })
    const seen = readSeen(node, me)
    if (!seen) return
    this.#queue.push(async () => {
      const address = addressOf(seen.chat)
      const chat = isGroup(address.jid) ? address : await completed(address, keys)
      await this.#news.onSeen(this.#instanceId, { ...seen, chat })
    })
  }

  /** What comes from the inbox. Takes its turn like the rest; rejects when the house did not take it. */
  async told({ kind, news }: Told): Promise<void> {
    this.#throwIfQuiet()
    const instanceId = this.#instanceId
    if (kind === 'message') return this.#queue.tell(() => this.#news.onMessage(instanceId, news))
    if (kind === 'reaction') return this.#queue.tell(() => this.#news.onReaction(instanceId, news))
    if (kind === 'edit') return this.#queue.tell(() => this.#news.onEdit(instanceId, news))
    return this.#queue.tell(() => this.#news.onDelete(instanceId, news))
  }

  async sync(news: SyncNews): Promise<void> {
    this.#throwIfQuiet()
    return this.#queue.tell(() => this.#news.onSync(this.#instanceId, news))
  }

  async seen(news: SeenNews): Promise<void> {
    this.#throwIfQuiet()
    return this.#queue.tell(() => this.#news.onSeen(this.#instanceId, news))
  }

  #throwIfQuiet(): void {
    if (this.#quiet) throw new Error('nothing is told any more')
  }

  /** Resolves when all has been told. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }
}

/** WhatsApp does not tell it again: when the keys have failed meanwhile, the name that the stanza told must do. */
const completed = (address: Address, keys: KeyStore): Promise<Address> =>
  completeAddress(address, keys).catch(() => address)

/** What is known of an instance besides its state. */
export interface Standing {
  lastError: string | null
  /** Null: they cannot be read. */
  creds: AuthenticationCreds | undefined | null
  connection: number | null
  epoch: number
}

export function connectionNews(
  state: InstanceState,
  { lastError, creds, connection, epoch }: Standing,
): ConnectionNews {
  const linked = creds === null ? null : creds?.account !== undefined
  return {
    state,
    lastError,
    linked,
    phoneNumber: linked ? phoneNumberOf(creds?.me?.id) : null,
    lid: linked ? plainJid(creds?.me?.lid) : null,
    connection: state === 'connected' ? connection : null,
    epoch,
  }
}
