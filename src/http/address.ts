import type { IncomingMessage } from 'node:http'
import ipaddr from 'ipaddr.js'

/** Where a request comes from, as far as it can be believed. */

type Address = ipaddr.IPv4 | ipaddr.IPv6
export type AddressOf = (req: IncomingMessage) => string | null

/** Of a header that anybody may write into: nobody has that many proxies. */
const HOPS_MAX = 16

/** `X-Forwarded-For` counts from the right, and only as far as each hop is one of `trusted` (CIDRs). */
export function addressesBehind(trusted: readonly string[]): AddressOf {
  const networks = trusted.map(cidr => ipaddr.parseCIDR(cidr))
  const isTrusted = (address: Address) =>
    networks.some(([network, bits]) => network.kind() === address.kind() && address.match([network, bits]))
  return req => {
    const peer = req.socket.remoteAddress
    if (peer === undefined) return null
    if (networks.length === 0) return plain(peer)
    let at = parsed(peer)
    const hops = String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .slice(-HOPS_MAX)
    while (at && isTrusted(at)) {
      const next = parsed(hops.pop()?.trim() ?? '')
      if (!next) break
      at = next
    }
    return at ? at.toString() : plain(peer)
  }
}

/** An IPv4 address that came in over an IPv6 socket is still one. */
const plain = (peer: string): string => (peer.startsWith('::ffff:') ? peer.slice(7) : peer)

function parsed(text: string): Address | null {
  return ipaddr.isValid(text) ? ipaddr.process(text) : null
}

/** What one customer of a provider has: an IPv4 address, or the first 64 bits of an IPv6 one. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const at = parsed(address)
  if (!at || at.kind() === 'ipv4') return address
  return `${(at as ipaddr.IPv6).parts
    .slice(0, 4)
    .map(part => part.toString(16))
    .join(':')}::/64`
}
