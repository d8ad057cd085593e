import { setTimeout as sleep } from 'node:timers/promises'
import { generateMessageIDV2 } from '@whiskeysockets/baileys'
import { type Clock, systemClock } from '../clock.ts'
import { Gate } from './gate.ts'
import { phoneNumberOf, plainJid } from './jid.ts'
import type { Log } from './log.ts'
import { compose } from './outbound/compose.ts'
import { decodeCredentials } from './row-codec.ts'
import { Session } from './session.ts'
import { TIMINGS, type Timings } from './socket.ts'
import type { ConnectionNews, News, SessionOptions, Vault, WhatsApp } from './whatsapp.ts'

/** Thrown by `pairingCode` when no phone is being linked at the moment. */
export class PairingUnavailable extends Error {
  constructor() {
    super('no pairing is under way')
    this.name = 'PairingUnavailable'
  }
}

export interface WhatsAppOptions {
  vault: Vault
  news: News
  log: Log
  clock?: Clock
  options?: Partial<Timings> & {
    /** Logins at the same time. */
    maxLogins?: number
    /** How long a batch of keys waits for company. */
    lingerMs?: number
    /** Acks and receipts of one instance that wait to be told. */
    maxNews?: number
  }
}

const PAIRING_WAIT_MS = 15_000
const UNLINK_MS = 5000

export function createWhatsApp({ vault, news, log, clock = systemClock, options = {} }: WhatsAppOptions): WhatsApp {
  const { maxLogins = 8, lingerMs = 1, maxNews = 5000, ...timings } = options
  const gate = new Gate(maxLogins)
  const sessions = new Map<string, Session>()
  let closed = false

  function start(instanceId: string, session: SessionOptions): void {
    if (closed) return
    const old = sessions.get(instanceId)
    if (old?.running) {
      old.configure(session)
      return
    }
    const made = new Session({
      instanceId,
      options: session,
      vault,
      news,
      log,
      clock,
      gate,
      timings: { ...TIMINGS, ...timings },
      lingerMs,
      maxNews,
      after: old?.finished ?? Promise.resolve(),
    })
    sessions.set(instanceId, made)
    void made.finished.then(() => {
      if (sessions.get(instanceId) === made) sessions.delete(instanceId)
    })
  }

  async function stop(instanceId: string): Promise<void> {
    const session = sessions.get(instanceId)
    if (session) return session.stop({ quiet: false })
    const kept = await vault.credentials(instanceId)
    await news.onConnection(instanceId, disconnected(kept))
  }

  async function unlink(instanceId: string): Promise<void> {
    const session = sessions.get(instanceId)
    if (session) {
      session.silence()
      await Promise.race([logout(session), sleep(UNLINK_MS, undefined, { ref: false })])
      await session.stop({ quiet: true })
    }
    await vault.wipe(instanceId)
  }

  return {
    start,
    configure: (instanceId, change) => sessions.get(instanceId)?.configure(change),
    stop,
    unlink,
    async pairingCode(instanceId, phoneNumber) {
      const session = sessions.get(instanceId)
      const socket = session && (await session.pairingSocket(PAIRING_WAIT_MS))
      if (!socket) throw new PairingUnavailable()
      return socket.requestPairingCode(phoneNumber.replace(/\D/g, ''))
    },
    newMessageId: instanceId => generateMessageIDV2(sessions.get(instanceId)?.me),
    compose,
    async send(instanceId, message) {
      return (await sessions.get(instanceId)?.send(message)) ?? { kind: 'not_connected' }
    },
    async close() {
      closed = true
      const all = [...sessions.values()]
      await Promise.all(all.map(session => session.stop({ quiet: true })))
    },
  }
}

/** Tells WhatsApp that the device is gone, if its session opens in time. */
async function logout(session: Session): Promise<void> {
  for (let waited = 0; session.linked && waited < UNLINK_MS; waited += 50) {
    const { connection } = session
    if (connection?.isOpen && connection.socket) return connection.socket.logout().catch(() => {})
    if (!session.running) return
    await sleep(50)
  }
}

function disconnected(credentials: Uint8Array | null): ConnectionNews {
  const creds = credentials ? decodeCredentials(credentials) : null
  return {
    state: 'disconnected',
    lastError: null,
    linked: creds?.account !== undefined && creds !== null,
    phoneNumber: phoneNumberOf(creds?.me?.id),
    lid: plainJid(creds?.me?.lid),
  }
}
