import { setTimeout as sleep } from 'node:timers/promises'
import { generateMessageIDV2 } from '@whiskeysockets/baileys'
import { type Clock, systemClock } from '../clock.ts'
import type { SocketMetrics } from '../telemetry/metrics/sockets.ts'
import { detached } from '../telemetry/trace.ts'
import { carrier } from './carrier.ts'
import { Gate } from './gate.ts'
import { isUnopened } from './lease.ts'
import type { Log } from './log.ts'
import type { DownloadLimits } from './media/download.ts'
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
  metrics?: SocketMetrics
  clock?: Clock
  /** Asked before each byte that goes out on a socket: whether this process may speak for its instances. */
  mayWrite?: () => boolean
  options?: Partial<Timings> & {
    /** Logins at the same time. */
    maxLogins?: number
    /** How long a batch of keys waits for company. */
    lingerMs?: number
    /** Acks and receipts of one instance that wait to be told. */
    maxNews?: number
    download?: DownloadLimits
    /** How long the phone may take to put media where it can be had. */
    phoneWaitMs?: number
  }
}

const PAIRING_WAIT_MS = 15_000
const UNLINK_MS = 5000
const CLOSE_MS = 7000
const LOOK_AGAIN_MS = 50
/** Of all instances, at the same time: each is a big piece of memory. */
const MAX_HISTORIES = 2

/** Many sessions, at most one per instance, a bounded number of which log in at the same time. */
export function createWhatsApp(parts: WhatsAppOptions): WhatsApp {
  const { vault, news, log, metrics, clock = systemClock, mayWrite = () => true, options = {} } = parts
  const { maxLogins = 16, lingerMs = 1, maxNews = 5000, download: limits, phoneWaitMs, ...timings } = options
  const gates = { gate: new Gate(maxLogins), historyGate: new Gate(MAX_HISTORIES) }
  const shared = { vault, news, log, metrics, clock, mayWrite, ...gates, lingerMs, maxNews, limits }
  const sessions = new Map<string, Session>()
  /** Stops and unlinks under way: a session that is started meanwhile begins after them. */
  const endings = new Map<string, Promise<unknown>>()
  /** Under which each was started last. */
  const epochs = new Map<string, number>()
  let closed = false

  const ending = async (instanceId: string, work: () => Promise<void>): Promise<void> => {
    const done = work()
    const quiet = done.catch(() => {})
    endings.set(instanceId, Promise.all([endings.get(instanceId), quiet]))
    const mine = endings.get(instanceId)
    void mine?.then(() => {
      if (endings.get(instanceId) === mine) endings.delete(instanceId)
    })
    return done
  }

  const start: WhatsApp['start'] = (instanceId, session) => {
    const old = sessions.get(instanceId)
    epochs.set(instanceId, session.epoch)
    if (closed || old?.running) {
      old?.configure(session)
      return
    }
    const after = Promise.all([old?.finished, endings.get(instanceId)])
    // Nothing that the session does is part of what has started it.
    const made = detached(
      () => new Session({ ...shared, instanceId, options: session, timings: { ...TIMINGS, ...timings }, after }),
    )
    sessions.set(instanceId, made)
    void made.finished.then(() => {
      if (sessions.get(instanceId) === made) sessions.delete(instanceId)
    })
  }

  return {
    start,
    configure: (instanceId, change) => sessions.get(instanceId)?.configure(change),
    stop: instanceId =>
      ending(instanceId, async () => {
        const session = sessions.get(instanceId)
        if (session) return session.stop()
        const creds = await keptCredentials(vault, instanceId)
        await news.onConnection(
          instanceId,
          connectionNews('disconnected', {
            lastError: null,
            creds,
            connection: null,
            epoch: epochs.get(instanceId) ?? 0,
          }),
        )
      }),
    unlink: instanceId =>
      ending(instanceId, async () => {
        const session = sessions.get(instanceId)
        if (session) {
          if (session.linked) metrics?.loggedOut('api')
          session.silence()
          await logout(session)
          await session.stop()
        }
        epochs.delete(instanceId)
        await vault.wipe(instanceId, null)
      }),
    running: () =>
      [...sessions].flatMap(([instanceId, { running, linked, silentMs }]) =>
        running ? [{ instanceId, linked, silentMs }] : [],
      ),
    release: instanceId =>
      ending(instanceId, async () => {
        const session = sessions.get(instanceId)
        session?.silence()
        await session?.stop()
      }),
    abandon() {
      for (const session of sessions.values()) session.giveWay()
    },
    async pairingCode(instanceId, phoneNumber) {
      const socket = await sessions.get(instanceId)?.pairingSocket(PAIRING_WAIT_MS)
      if (!socket) throw new PairingUnavailable()
      return socket.requestPairingCode(phoneNumber.replace(/\D/g, ''))
    },
    newMessageId: instanceId => generateMessageIDV2(sessions.get(instanceId)?.me),
    compose,
    ...carrier({ sessionOf: instanceId => sessions.get(instanceId), clock, limits, phoneWaitMs }),
    async close() {
      closed = true
      const all = [...sessions.values()]
      for (const session of all) session.silence()
      // The process is about to end: a piece of news that hangs must not hold it up.
      const stopped = Promise.all(all.map(session => session.stop()))
      await Promise.race([stopped, sleep(CLOSE_MS, undefined, { ref: false })])
    },
  }
}

/** Null: they do not open, which is no reason not to stop. */
async function keptCredentials(vault: Vault, instanceId: string) {
  try {
    const kept = await vault.credentials(instanceId)
    return kept ? decodeCredentials(kept) : undefined
  } catch (error) {
    if (isUnopened(error)) return null
    throw error
  }
}

/** Tells WhatsApp that the device is gone, if its session is open in time. */
async function logout(session: Session): Promise<void> {
  const deadlineMs = performance.now() + UNLINK_MS
  while (!session.over && session.linked && performance.now() < deadlineMs) {
    const socket = session.openSocket
    if (socket) {
      const done = new AbortController()
      const late = sleep(deadlineMs - performance.now(), undefined, { ref: false, signal: done.signal }).catch(() => {})
      await Promise.race([socket.logout().catch(() => {}), late])
      return done.abort()
    }
    await sleep(LOOK_AGAIN_MS)
  }
}
