import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import type { DeliveryPolicy } from './delivery.ts'
import type { Lookup } from './resolve.ts'

type Address = ipaddr.IPv4 | ipaddr.IPv6

export interface Guard {
  schemeProblem: string
  /** What can be said without looking the name up. Each problem is the end of a sentence. */
  problemOf(url: URL): string | null
  /** Of the addresses behind the URL, one that must not be dialled spoils all. */
  problemOfAddresses(url: URL, addresses: readonly string[]): string | null
  /** The literal in the URL, or what its name resolves to: all of it. */
  addressesOf(url: URL, lookup: Lookup, signal: AbortSignal): Promise<string[]>
}

const PRIVATE = 'must not point to a private address'
const PRIVATE_NAMES = ['localhost', 'local', 'internal', 'home.arpa']

/** Of IPv6 only this is in use by the public; what translates or maps IPv4 lies outside of it, or has a range. */
const GLOBAL_UNICAST: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3]

export function createGuard(policy: Pick<DeliveryPolicy, 'allowHttp' | 'allowedNetworks' | 'ownPort'>): Guard {
  const exempt = policy.allowedNetworks.map(network)
  const schemeProblem = policy.allowHttp ? 'must be an http or https URL' : 'must be an https URL'
  const mayDial = (text: string): boolean => {
    const address = parse(text)
    return address !== null && (isPublic(text) || exempt.some(each => isIn(address, each)))
  }
  return {
    schemeProblem,
    problemOf(url) {
      if (url.protocol !== 'https:' && !(policy.allowHttp && url.protocol === 'http:')) return schemeProblem
      if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password'
      return isPrivateName(url.hostname) ? PRIVATE : null
    },
    problemOfAddresses(url, addresses) {
      if (!addresses.every(mayDial)) return PRIVATE
      return portOf(url) === policy.ownPort() && addresses.some(isOurs) ? 'must not point to this server' : null
    },
    async addressesOf(url, lookup, signal) {
      const host = hostOf(url)
      return isIP(host) ? [host] : lookup(host, signal)
    },
  }
}

/** Whether anybody on the Internet may be reached there. What is no address in its usual spelling is not. */
export function isPublic(text: string): boolean {
  const address = parse(text)
  if (address?.range() !== 'unicast') return false
  return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST)
}

/** As the URL parser has spelled it, which knows every notation of IPv4; without brackets and trailing dots. */
export const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.+$/, '')

export const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80))

function isPrivateName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.+$/, '')
  return name === '' || PRIVATE_NAMES.some(each => name === each || name.endsWith(`.${each}`))
}

/** An IPv4 address mapped into IPv6 is that IPv4 address. A zone names an interface of this machine: no address. */
function parse(text: string): Address | null {
  return isIP(text) && !text.includes('%') ? ipaddr.process(text) : null
}

function isIn(address: Address, [base, bits]: [Address, number]): boolean {
  return address.kind() === base.kind() && address.match([base, bits])
}

function network(text: string): [Address, number] {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text)
  const address = ipaddr.process(text)
  return [address, address.kind() === 'ipv4' ? 32 : 128]
}

/** Whoever listens there may be we: on loopback, on "any address", and on what an interface of the machine has. */
function isOurs(text: string): boolean {
  const address = parse(text)
  if (!address || ['loopback', 'unspecified'].includes(address.range())) return true
  const own = Object.values(networkInterfaces()).flatMap(each => each ?? [])
  return own.some(each => parse(each.address)?.toString() === address.toString())
}
