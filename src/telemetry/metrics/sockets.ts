import { Counter, Gauge, type Registry } from 'prom-client'

/** Why a socket to WhatsApp ended. */
export const SOCKET_ENDS = [
  'logged_out',
  'banned',
  'outdated',
  'not_accepted',
  'replaced',
  'too_many',
  'restart',
  'internal',
  'unavailable',
  'timeout',
  'closed',
  'refused',
  'store_failed',
  'unopened',
  'crashed',
  'stopped',
  'other',
] as const
export type SocketEndReason = (typeof SOCKET_ENDS)[number]

const STATES = [
  'disconnected',
  'connecting',
  'qr_required',
  'connected',
  'reconnecting',
  'logged_out',
  'error',
] as const
export type InstanceStateName = (typeof STATES)[number]

/** `phone`: the phone removed this device. `api`: a caller did. */
const LOGOUTS = ['phone', 'api'] as const

/** After so long without a word from WhatsApp, which answers a ping each 20 s, a socket is deaf. */
const DEAF_AFTER_MS = 60_000

export interface SocketMetrics {
  ended(reason: SocketEndReason): void
  /** A session that was connected before is again. */
  reconnected(): void
  loggedOut(by: (typeof LOGOUTS)[number]): void
  /** What became of an instance here. */
  changed(state: InstanceStateName): void
  /** What is here now: of each session since when its open socket has heard nothing; null: none is open. */
  set(silencesMs: readonly (number | null)[]): void
}

export function socketMetrics(registry: Registry): SocketMetrics {
  const registers = [registry]
  const ends = new Counter({
    name: 'wataki_socket_ends_total',
    help: 'Sockets to WhatsApp that ended, by why',
    labelNames: ['reason'],
    registers,
  })
  const reconnects = new Counter({
    name: 'wataki_reconnects_total',
    help: 'Sessions that were connected again after their socket had ended',
    registers,
  })
  const logouts = new Counter({
    name: 'wataki_logouts_total',
    help: 'Links to phones that ended, by who ended them',
    labelNames: ['by'],
    registers,
  })
  const changes = new Counter({
    name: 'wataki_instance_changes_total',
    help: 'Changes of state of instances, by the new state',
    labelNames: ['state'],
    registers,
  })
  const sessions = new Gauge({ name: 'wataki_sessions', help: 'Sessions that run on this node', registers })
  const open = new Gauge({ name: 'wataki_sockets_open', help: 'Open sockets to WhatsApp of this node', registers })
  const deaf = new Gauge({
    name: 'wataki_sockets_deaf',
    help: `Open sockets that have heard nothing of WhatsApp for ${DEAF_AFTER_MS / 1000} s`,
    registers,
  })
  const silence = new Gauge({
    name: 'wataki_socket_silence_max_seconds',
    help: 'Since when the quietest open socket of this node has heard nothing of WhatsApp',
    registers,
  })
  for (const reason of SOCKET_ENDS) ends.inc({ reason }, 0)
  for (const by of LOGOUTS) logouts.inc({ by }, 0)
  for (const state of STATES) changes.inc({ state }, 0)
  return {
    ended: reason => ends.inc({ reason }),
    reconnected: () => reconnects.inc(),
    loggedOut: by => logouts.inc({ by }),
    changed: state => changes.inc({ state }),
    set(silencesMs) {
      const heard = silencesMs.filter(ms => ms !== null)
      sessions.set(silencesMs.length)
      open.set(heard.length)
      deaf.set(heard.filter(ms => ms >= DEAF_AFTER_MS).length)
      silence.set(heard.reduce((most, ms) => Math.max(most, ms), 0) / 1000)
    },
  }
}
