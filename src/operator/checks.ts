import { hostname } from 'node:os'
import type { Config } from '../config.ts'

/** What is judged from figures alone: each says how it stands, and of what is not well what to do. */

export interface Check {
  name: string
  status: 'ok' | 'warn' | 'fail'
  says: string
  /** A command or a setting. Null: nothing is to be done. */
  fix: string | null
}

export const ok = (name: string, says: string): Check => ({ name, status: 'ok', says, fix: null })
export const warn = (name: string, says: string, fix: string): Check => ({ name, status: 'warn', says, fix })
export const fail = (name: string, says: string, fix: string): Check => ({ name, status: 'fail', says, fix })

const NODE_MAJOR = 24

export function node(version: string): Check {
  if (Number(version.split('.')[0]) >= NODE_MAJOR) return ok('node', `Node ${version}`)
  return fail('node', `this is Node ${version}, and ${NODE_MAJOR} is needed`, 'npm ci, which brings it, or install it')
}

const GIB = 1024 ** 3
const DISK_WARN_BYTES = 2 * GIB
const DISK_FAIL_BYTES = 0.2 * GIB

export function disk(dataDir: string, freeBytes: number): Check {
  const says = `${(freeBytes / GIB).toFixed(1)} GiB are free for ${dataDir}`
  const fix = 'make room, or give DATA_DIR another disk: when it is full, nothing is accepted any more'
  if (freeBytes < DISK_FAIL_BYTES) return fail('disk', says, fix)
  return freeBytes < DISK_WARN_BYTES ? warn('disk', says, fix) : ok('disk', says)
}

const SKEW_WARN_MS = 2_000
/** Verifiers of webhooks allow five minutes; Stripe's signatures and S3's, too. */
const SKEW_FAIL_MS = 240_000

export function skew(skewMs: number): Check {
  const seconds = Math.abs(skewMs / 1000).toFixed(1)
  const says = `the clock of ${hostname()} is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} that of the database`
  const fix = 'timedatectl set-ntp true, here and on the machine of the database'
  if (Math.abs(skewMs) > SKEW_FAIL_MS) return fail('clock', says, fix)
  if (Math.abs(skewMs) > SKEW_WARN_MS) return warn('clock', says, fix)
  return ok('clock', `as that of the database, to ${seconds} s`)
}

export function schema(ran: string[], known: string[]): Check {
  const foreign = ran.filter(name => !known.includes(name))
  if (foreign.length > 0) {
    return fail('schema', `a newer Wataki has been here (${foreign.join(', ')})`, 'update this one to the same version')
  }
  const missing = known.length - ran.length
  if (ran.length === 0) return ok('schema', 'there are no tables yet: the first start makes them')
  if (missing === 0) return ok('schema', `is that of this version (${known.at(-1)})`)
  return warn('schema', `${missing} migrations are to run`, 'wataki backup FILE, then wataki start, which runs them')
}

export function stripe({ stripe: settings, production }: Config): Check {
  if (!settings) return ok('stripe', 'billing is off')
  const live = /_live_/.test(settings.secretKey)
  if (production && !live && settings.apiUrl === null) {
    return warn(
      'stripe',
      'production runs with a test key: nobody really pays',
      'set STRIPE_SECRET_KEY to the live key',
    )
  }
  if (!production && live) {
    return warn('stripe', 'a live key outside production: people really pay', 'set STRIPE_SECRET_KEY to a test key')
  }
  return ok('stripe', `a ${live ? 'live' : 'test'} key`)
}

const isHere = (host: string): boolean => /^(localhost|127\.|0\.0\.0\.0|\[::1?\])/.test(host)

/** What the address alone tells; whether it leads here is asked of it. */
export function publicUrl({ publicUrl: text, production }: Config): Check | null {
  const url = new URL(text)
  if (production && isHere(url.hostname)) {
    return fail(
      'public url',
      `links in mails and media URLs lead to ${text}, which is each reader's own machine`,
      'set PUBLIC_URL to how the outside names this server',
    )
  }
  if (production && url.protocol === 'http:') {
    return warn(
      'public url',
      `${text} is not https: cookies and keys can be read on the way`,
      'put TLS before the server, and set PUBLIC_URL to https://…',
    )
  }
  return null
}

export function sandbox({ sandbox: settings, production }: Config): Check {
  if (!settings) return ok('sandbox', 'off')
  if (!production) return ok('sandbox', 'on')
  return warn('sandbox', 'on in production: anybody with a key can make instances that are none', 'set SANDBOX=off')
}
