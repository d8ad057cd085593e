import { isIPv6 } from 'node:net'
import { allowMail } from '../../db/queries/mail.ts'
import type { Sql } from '../../db/sql.ts'
import { sha256 } from '../../secrets.ts'

/** How many letters may be asked for: a stranger's mailbox is no target, and no sender floods many of them. */
const WINDOW_MS = 15 * 60_000
const PER_ADDRESS_MAX = 5
const PER_IP_MAX = 20

/**
 * Counts one letter; false beyond a limit, and then the transaction is to be rolled back. Where a request comes from is
 * asked first: who is over that limit does not use up the allowance of an address.
 */
export async function mayMail(sql: Sql, ask: { email: string; ip: string | null; now: Date }): Promise<boolean> {
  const { now } = ask
  const since = new Date(now.getTime() - WINDOW_MS)
  if (ask.ip) {
    const subject = sha256(`ip|${network(ask.ip)}`)
    if (!(await allowMail(sql, { subject, max: PER_IP_MAX, since, now }))) return false
  }
  return allowMail(sql, { subject: sha256(`address|${ask.email}`), max: PER_ADDRESS_MAX, since, now })
}

/** What one customer of a provider has: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function network(ip: string): string {
  const mapped = /^::ffff:([\d.]+)$/i.exec(ip)?.[1]
  if (mapped) return mapped
  if (!isIPv6(ip)) return ip
  const [head = '', tail] = ip.replace(/%.*$/, '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail ? tail.split(':') : []
  const zeros = tail === undefined ? [] : Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  const groups = [...left, ...zeros, ...right].slice(0, 4)
  return `${groups.map(group => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}

/** For rows that count no more. */
export const mailWindowStart = (now: Date): Date => new Date(now.getTime() - WINDOW_MS)
