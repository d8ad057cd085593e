import ipaddr from 'ipaddr.js'
import { allowMail } from '../../db/queries/mail.ts'
import type { Sql } from '../../db/sql.ts'
import { sha256 } from '../../secrets.ts'

/** How many letters may be asked for: a stranger's mailbox is no target, and no sender floods many of them. */
const WINDOW_MS = 15 * 60_000
const PER_ADDRESS_MAX = 5
const PER_IP_MAX = 20

/**
 * Counts one letter; false beyond a limit, and then the transaction is to be rolled back: a letter that does not go out
 * uses up nothing. Rows are locked in the same order by everybody, until the transaction ends.
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
  if (!ipaddr.isValid(ip)) return ip
  const address = ipaddr.process(ip)
  return address.kind() === 'ipv4' ? address.toString() : (address as ipaddr.IPv6).parts.slice(0, 4).join(':')
}

/** For rows that count no more. */
export const mailWindowStart = (now: Date): Date => new Date(now.getTime() - WINDOW_MS)
