import type { SocketEndReason } from '../telemetry/metrics/sockets.ts'
import type { InstanceState } from './whatsapp.ts'

/** What the end of a socket means: pure, and the only place that knows the codes. */

export type Verdict =
  /** Part of the protocol: a new socket at once. */
  | { action: 'restart' }
  /** A new socket after a while. */
  | { action: 'retry'; state: InstanceState; lastError: string }
  /** No new socket until someone asks. */
  | { action: 'stop'; state: InstanceState; lastError: string }
  /** The link is gone: the credentials are erased. */
  | { action: 'forget'; state: 'logged_out'; lastError: string }

export interface Circumstances {
  linked: boolean
  /** Sockets in a row, this one included, that came to nothing. */
  failures: number
  autoReconnect: boolean
  /** This session has been connected before. */
  wasConnected: boolean
  /** The socket that ended had offered QR codes. */
  offeredQr: boolean
  /** Too many restarts were granted lately. */
  restartsSpent: boolean
}

/** After so many failures in a row the instance is in `error`; trying goes on, slowly. */
export const FAILURES_UNTIL_ERROR = 20

/** Our own, for ends that WhatsApp did not order. */
export const CODE_STORE_FAILED = 600
export const CODE_CRASHED = 601
export const CODE_REFUSED = 602
export const CODE_STOPPED = 603
export const CODE_UNOPENED = 604

/** What trying again would not change. */
const STOPS: Record<number, [InstanceState, string]> = {
  402: ['error', 'WhatsApp has banned this account for a while. Try again later, and slow down.'],
  403: ['error', 'WhatsApp refuses this account. Look at the phone: it may be banned, or need a confirmation.'],
  405: ['error', 'WhatsApp says this version is too old to connect. Wataki needs an update.'],
  406: ['error', 'WhatsApp refused the login and did not say why. Link the phone again if this stays.'],
  409: ['error', 'WhatsApp does not accept the way Wataki presents itself. Wataki needs an update.'],
  411: ['error', 'The phone has not joined multi-device: update WhatsApp on the phone, then connect again.'],
  440: ['disconnected', 'Another client took this session over. Connect again to take it back.'],
  [CODE_UNOPENED]: ['error', 'The keys of this session do not open: the server runs with another SECRET_KEY.'],
}

const SENTENCES: Record<number, string> = {
  408: 'WhatsApp did not answer in time.',
  428: 'The connection to WhatsApp was closed.',
  429: 'WhatsApp asks to connect less often.',
  500: 'WhatsApp ended the session with an internal error.',
  503: 'WhatsApp is not available at the moment.',
  515: 'WhatsApp asked for a restart again and again.',
  [CODE_STORE_FAILED]: 'The keys of this session could not be read or stored.',
  [CODE_CRASHED]: 'The connection ran into an unexpected error.',
  [CODE_REFUSED]: 'WhatsApp refused the connection.',
}

/** For the operator's figures. */
const REASONS: Record<number, SocketEndReason> = {
  401: 'logged_out',
  402: 'banned',
  403: 'banned',
  405: 'outdated',
  406: 'not_accepted',
  408: 'timeout',
  409: 'outdated',
  411: 'not_accepted',
  428: 'closed',
  429: 'too_many',
  440: 'replaced',
  500: 'internal',
  503: 'unavailable',
  515: 'restart',
  [CODE_STORE_FAILED]: 'store_failed',
  [CODE_CRASHED]: 'crashed',
  [CODE_REFUSED]: 'refused',
  [CODE_STOPPED]: 'stopped',
  [CODE_UNOPENED]: 'unopened',
}

export const reasonOf = (code: number): SocketEndReason => REASONS[code] ?? 'other'

export const QR_CODES_RAN_OUT = 'Nobody scanned the QR codes in time; new ones are being made.'

export function judge(code: number, now: Circumstances): Verdict {
  if (code === 515 && !now.restartsSpent) return { action: 'restart' }
  if (code === 401 && now.linked)
    return { action: 'forget', state: 'logged_out', lastError: 'The phone logged this device out. Link it again.' }
  const stop = STOPS[code]
  if (stop) return { action: 'stop', state: stop[0], lastError: stop[1] }
  const unscanned = code === 408 && !now.linked && now.offeredQr
  const lastError = unscanned ? QR_CODES_RAN_OUT : (SENTENCES[code] ?? `The connection ended with code ${code}.`)
  if (!now.autoReconnect && now.wasConnected) return { action: 'stop', state: 'disconnected', lastError }
  const state = now.failures >= FAILURES_UNTIL_ERROR ? 'error' : now.linked ? 'reconnecting' : 'connecting'
  return { action: 'retry', state, lastError }
}

const FIRST_MS = 1000
const BASE_MS = 2000
const CAP_MS = 60_000
const SLOW_MS = 300_000

/** Half of it fixed, half by chance (`chance` in 0..1), so that many instances do not come back as one. */
export function backoffMs(failures: number, chance: number): number {
  const full =
    failures <= 1
      ? FIRST_MS
      : failures >= FAILURES_UNTIL_ERROR
        ? SLOW_MS
        : Math.min(CAP_MS, BASE_MS * 2 ** (failures - 2))
  return Math.round(full / 2 + (full / 2) * chance)
}
