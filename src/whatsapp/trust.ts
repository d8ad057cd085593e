import { AsyncLocalStorage } from 'node:async_hooks'
import { verify } from 'node:crypto'
import { Curve, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import type { SocketTimers } from './timers.ts'

/**
 * Everything this room changes for the whole process, installed once, before the first socket:
 * real signature checks, the root key per socket, errors and timers given to the socket they belong to, and
 * libsignal's habit of printing private keys.
 */

export interface SocketScope {
  /** Where the certificate chain of this socket's server starts; null means WhatsApp's own root. */
  rootKey: Uint8Array | null
  /** Called with whatever was thrown, and caught by nobody, in the async context of this socket. */
  crashed(error: unknown): void
  /** Takes what is started in the async context of this socket. */
  timers: SocketTimers
}

const scopes = new AsyncLocalStorage<SocketScope | undefined>()
let installed = false

/** Runs `work` so that all it starts (timers, listeners, promises) belongs to `scope`. */
export function runInScope<T>(scope: SocketScope, work: () => T): T {
  installOnce()
  return scopes.run(scope, work)
}

/** Runs `work`, such as a call of the database, so that its errors and timers are nobody's but its own. */
export const leaveScope = <T>(work: () => T): T => scopes.run(undefined, work)

/** For `uncaughtException` handlers: true when the error was a socket's, which then ends and starts anew. */
export function takeCrash(error: unknown): boolean {
  const scope = scopes.getStore()
  scope?.crashed(error)
  return scope !== undefined
}

function installOnce(): void {
  if (installed) return
  installed = true
  Curve.verify = (publicKey, message, signature) => verifySignature(publicKey, message, signature)
  // Baileys reads the property at handshake time, in the async context in which the socket was made.
  const whatsappRoot = WA_CERT_DETAILS.PUBLIC_KEY
  Object.defineProperty(WA_CERT_DETAILS, 'PUBLIC_KEY', {
    get: () => scopes.getStore()?.rootKey ?? whatsappRoot,
    configurable: true,
    enumerable: true,
  })
  silenceLibsignal()
  noteTimers()
  // Baileys leaves promises of its listeners and timers alone; one that rejects would end the process.
  // A rejection that is nobody's stays fatal, as without this handler.
  process.on('unhandledRejection', error => {
    if (takeCrash(error)) return
    setImmediate(() => {
      throw error
    })
  })
}

/** Shorter ones are over soon by themselves, and are the many. */
const LATE_MS = 1000

/** A timer can only be cleared by who has it, and Baileys keeps its own to itself. */
function noteTimers(): void {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const start = globalThis[name]
    const noted = (work: () => void, ms?: number, ...args: []) => {
      const timer = start(work, ms, ...args)
      if (ms !== undefined && ms >= LATE_MS) scopes.getStore()?.timers.take(timer)
      return timer
    }
    // `promisify` finds its way by one of them.
    Object.defineProperties(noted, Object.getOwnPropertyDescriptors(start))
    Object.assign(globalThis, { [name]: noted })
  }
}

const P = 2n ** 255n - 19n
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let b = base % P, e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P
  return result
}

/**
 * A real check of a Signal (XEdDSA) signature: the X25519 key becomes an Ed25519 key, whose sign bit
 * travels in the top bit of the signature. Baileys' own says true to any 64 bytes, and is slower.
 */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKey.length === 33 ? publicKey.subarray(1) : publicKey
  if (key.length !== 32 || signature?.length !== 64) return false
  const u = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  const y = ((u - 1n + P) * power(u + 1n, P - 2n)) % P
  const point = Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
  point[31]! |= signature[63]! & 0x80
  const plain = Buffer.from(signature)
  plain[63]! &= 0x7f
  try {
    return verify(null, message, { key: Buffer.concat([ED25519_SPKI, point]), format: 'der', type: 'spki' }, plain)
  } catch {
    return false
  }
}

/** How libsignal's lines begin. Its console calls carry whole sessions, private keys included. */
const LIBSIGNAL =
  /^(Closing (session|open session)|Opening session|Session (already|error)|Removing old closed|Decrypted message with closed|Failed to decrypt message|Migrating session|V1 session storage|Unhandled bucket|WARNING: Expected pubkey)/

const isSession = (value: unknown): boolean => typeof value === 'object' && value !== null && 'currentRatchet' in value

function silenceLibsignal(): void {
  const { console: sink } = globalThis
  for (const level of ['info', 'warn', 'error'] as const) {
    const write = sink[level].bind(sink)
    sink[level] = (...parts: unknown[]) => {
      const [first] = parts
      if ((typeof first === 'string' && LIBSIGNAL.test(first)) || parts.some(isSession)) return
      write(...parts)
    }
  }
}
