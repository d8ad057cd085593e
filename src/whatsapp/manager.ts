import { setTimeout as sleep } from 'node:timers/promises'
import { generateMessageIDV2 } from '@whiskeysockets/baileys'
import { type Clock, systemClock } from '../clock.ts'
import { Gate } from './gate.ts'
import type { Log } from './log.ts'
import { compose } from './outbound/compose.ts'
import { decodeCredentials } from './row-codec.ts'
import { Session } from './session.ts'
import { TIMINGS, type Timings } from './socket.ts'
import { connectionNews } from './teller.ts'
import type { News, Vault, WhatsApp } from './whatsapp.ts'

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
const LOOK_AGAIN_MS = 50

/** Many sessions, at most one per instance, a bounded number of which log in at the same time. */
export function createWhatsApp({ vault, news, log, clock = systemClock, options = {} }: WhatsAppOptions): WhatsApp {
  const { maxLogins = 8, lingerMs = 1, maxNews = 5000, ...timings } = options
  const shared = { vault, news, log, clock, gate: new Gate(maxLogins), lingerMs, maxNews }
  const sessions = new Map<string, Session>()
  let closed = false

  const start: WhatsApp['start'] = (instanceId, session) => {
    const old = sessions.get(instanceId)
    if (closed || old?.running) {
      old?.configure(session)
      return
    }
    const after = old?.finished ?? Promise.resolve()
    const made = new Session({
      ...shared,
      instanceId,
      options: session,
      timings: { ...TIMINGS, ...timings },
      after,
    })
    sessions.set(instanceId, made)
    void made.finished.then(() => {
      if (sessions.get(instanceId) === made) sessions.delete(instanceId)
    })
  }

  return {
    start,
    configure: (instanceId, change) => sessions.get(instanceId)?.configure(change),
    async stop(instanceId) {
      const session = sessions.get(instanceId)
      if (session) return session.stop()
      const kept = await vault.credentials(instanceId)
      await news.onConnection(
        instanceId,
        connectionNews('disconnected', null, kept ? decodeCredentials(kept) : undefined),
      )
    },
    async unlink(instanceId) {
      const session = sessions.get(instanceId)
      if (session) {
        session.silence()
        await Promise.race([logout(session), sleep(UNLINK_MS, undefined, { ref: false })])
        await session.stop()
      }
      await vault.wipe(instanceId)
    },
    async pairingCode(instanceId, phoneNumber) {
      const socket = await sessions.get(instanceId)?.pairingSocket(PAIRING_WAIT_MS)
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
      for (const session of all) session.silence()
      await Promise.all(all.map(session => session.stop()))
    },
  }
}

/** Tells WhatsApp that the device is gone, if its session opens in time. */
async function logout(session: Session): Promise<void> {
  for (let waitedMs = 0; session.running && session.linked && waitedMs < UNLINK_MS; waitedMs += LOOK_AGAIN_MS) {
    const socket = session.openSocket
    if (socket) return socket.logout().catch(() => {})
    await sleep(LOOK_AGAIN_MS)
  }
}
