import type { AuthenticationCreds, BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../clock.ts'
import { completeAddress } from './inbound/addresses.ts'
import { readReceipt } from './inbound/receipt.ts'
import { addressOf, phoneNumberOf, plainJid } from './jid.ts'
import type { KeyStore } from './key-store.ts'
import type { Log } from './log.ts'
import { NewsQueue } from './news-queue.ts'
import type { ConnectionNews, InboundMessage, InstanceState, News } from './whatsapp.ts'

const FIRST_QR_MS = 60_000
const NEXT_QR_MS = 20_000
/** The last pause is a minute, and two in all. */
const STATE_ATTEMPTS = 8
const STATE_PAUSE_MS = 500

/** Everything one session has to say to the house, in order. Only a change of the connection is told. */
export class Teller {
  readonly #instanceId: string
  readonly #news: News
  readonly #clock: Clock
  readonly #queue: NewsQueue
  readonly #epoch: number
  #told: ConnectionNews | null = null
  #quiet = false

  constructor(options: { instanceId: string; news: News; log: Log; clock: Clock; maxNews: number; epoch: number }) {
    this.#instanceId = options.instanceId
    this.#news = options.news
    this.#clock = options.clock
    this.#epoch = options.epoch
    this.#queue = new NewsQueue({ instanceId: options.instanceId, log: options.log, maxJobs: options.maxNews })
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
        const again = () => {
          if (this.#told === told && !this.#quiet) this.#tellConnection(told, attempt + 1)
        }
        if (attempt < STATE_ATTEMPTS) setTimeout(again, STATE_PAUSE_MS * 2 ** (attempt - 1)).unref()
        throw error
      }
    })
  }

  /** WhatsApp lets the first code of a socket live longer than those that follow. */
  qr(code: string, isFirst: boolean): void {
    if (this.#quiet) return
    const expiresAt = new Date(this.#clock.nowMs() + (isFirst ? FIRST_QR_MS : NEXT_QR_MS))
    this.#queue.replace('qr', () => this.#news.onQr(this.#instanceId, { qr: code, expiresAt, epoch: this.#epoch }))
  }

  ack({ id, error }: Record<string, string>): void {
    if (this.#quiet || !id) return
    this.#queue.push(() => this.#news.onAck(this.#instanceId, { whatsappId: id, errorCode: error ?? null }))
  }

  receipt(node: BinaryNode, keys: KeyStore): void {
    const { me } = keys.creds
    const receipt = this.#quiet ? null : readReceipt(node, { id: me?.id, lid: me?.lid })
    if (!receipt) return
    this.#queue.push(async () => {
      const reader = await completeAddress(addressOf(receipt.reader, receipt.readerAlias), keys)
      const chat = receipt.chat === receipt.reader ? reader : addressOf(receipt.chat)
      const { whatsappIds, status, timestamp } = receipt
      await this.#news.onReceipt(this.#instanceId, { whatsappIds, chat, reader, status, timestamp })
    })
  }

  /** Takes its turn like the rest; rejects when the house did not take it. */
  message(message: InboundMessage): Promise<void> {
    return this.#queue.tell(() => this.#news.onMessage(this.#instanceId, message))
  }

  /** Resolves when all has been told. */
  idle(): Promise<void> {
    return this.#queue.idle()
  }
}

/** What is known of an instance besides its state. */
export interface Standing {
  lastError: string | null
  creds: AuthenticationCreds | undefined
  connection: number | null
  epoch: number
}

export function connectionNews(
  state: InstanceState,
  { lastError, creds, connection, epoch }: Standing,
): ConnectionNews {
  const linked = creds?.account !== undefined
  return {
    state,
    lastError,
    linked,
    phoneNumber: linked ? phoneNumberOf(creds.me?.id) : null,
    lid: linked ? plainJid(creds.me?.lid) : null,
    connection: state === 'connected' ? connection : null,
    epoch,
  }
}
