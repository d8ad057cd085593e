import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, it } from 'vitest'
import { createGuard, isPublic } from './address-guard.ts'

const DRAWS = 100_000

const FORBIDDEN_V4 = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12']
  .concat(['192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'])
  .concat(['224.0.0.0/4', '240.0.0.0/4'])

/** The four bytes of an address in one of the forbidden networks. */
const forbiddenV4 = fc.tuple(fc.constantFrom(...FORBIDDEN_V4), fc.nat(0xffff_ffff)).map(([cidr, random]) => {
  const [network, bits] = ipaddr.IPv4.parseCIDR(cidr)
  const hostMask = 2 ** (32 - bits) - 1
  const base = Buffer.from(network.toByteArray()).readUInt32BE()
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE((base + (random & hostMask)) >>> 0)
  return bytes
})

const place = (prefix: string, offset: number) => (v4: Buffer, noise: Buffer) => {
  const bytes = Buffer.from(ipaddr.IPv6.parse(prefix).toByteArray())
  v4.copy(bytes, offset)
  noise.copy(bytes, offset + 4)
  return bytes
}

/** RFC 6052: behind a prefix of each length; the bits 64 to 71 stay zero. */
function translated(prefix: string, bits: number) {
  return (v4: Buffer, noise: Buffer): Buffer => {
    const bytes = Buffer.from(ipaddr.IPv6.parse(prefix).toByteArray())
    let at = bits / 8
    for (const byte of v4) {
      if (at === 8) at++
      bytes[at++] = byte
    }
    noise.copy(bytes, at)
    return bytes
  }
}

const EMBEDDINGS: Record<string, (v4: Buffer, noise: Buffer) => Buffer> = {
  mapped: place('::ffff:0:0', 12),
  compatible: place('::', 12),
  translated: place('::ffff:0:0:0', 12),
  'NAT64 /96': translated('64:ff9b::', 96),
  'NAT64 local /96': translated('64:ff9b:1:ffff:0:ffff::', 96),
  'NAT64 local /64': translated('64:ff9b:1:abcd::', 64),
  'NAT64 local /56': translated('64:ff9b:1:ab00::', 56),
  'NAT64 local /48': translated('64:ff9b:1::', 48),
  'NAT64 /40': translated('64:ff9b::', 40),
  'NAT64 /32': translated('64:ff9b::', 32),
  '6to4': place('2002::', 2),
  Teredo: (v4, noise) => place('2001::', 4)(v4, noise),
  'Teredo, obscured': (v4, noise) => {
    const bytes = place('2001::', 4)(Buffer.from([8, 8, 8, 8]), noise)
    for (const [i, byte] of v4.entries()) bytes[12 + i] = byte ^ 0xff
    return bytes
  },
}

describe('an address', () => {
  it('of IPv6 that embeds a forbidden one of IPv4, by whatever rule, is not public', () => {
    const embeddings = fc.constantFrom(...Object.keys(EMBEDDINGS))
    const noises = fc.uint8Array({ minLength: 12, maxLength: 12 })
    fc.assert(
      fc.property(embeddings, forbiddenV4, noises, (name, v4, noise) => {
        const bytes = EMBEDDINGS[name]!(v4, Buffer.from(noise))
        return !isPublic(ipaddr.fromByteArray([...bytes]).toString())
      }),
      { numRuns: DRAWS },
    )
  })

  it('next to a forbidden network is public', () => {
    const neighbours = ['9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.1']
      .concat(['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.1', '192.167.255.255', '192.169.0.0'])
      .concat(['198.17.255.255', '198.20.0.0', '223.255.255.255', '1.0.0.0', '2606:4700::', '2001:4860:4860::8888'])
      .concat(['2003::1', '3ffe::1', '::ffff:8.8.8.8', '2a00::1'])
    expect(neighbours.filter(each => !isPublic(each))).toEqual([])
  })

  it('that is not spelled as one, or names an interface, is not public', () => {
    const others = [
      '',
      'x',
      '8.8.8',
      '08.8.8.8',
      '0x8.8.8.8',
      '134744072',
      '2606:4700::%eth0',
      '[2606:4700::]',
      '8.8.8.8.',
    ]
    expect(others.filter(isPublic)).toEqual([])
  })
})

describe('the guard', () => {
  const guard = (over: Partial<Parameters<typeof createGuard>[0]> = {}) =>
    createGuard({ allowHttp: false, allowedNetworks: [], ownPort: () => null, ...over })
  const problem = (url: string, over = {}) => guard(over).problemOf(new URL(url))

  it('takes https only, and http where that is allowed', () => {
    expect(problem('https://example.com/')).toBeNull()
    expect(problem('http://example.com/')).toBe('must be an https URL')
    expect(problem('http://example.com/', { allowHttp: true })).toBeNull()
    expect(problem('ftp://example.com/', { allowHttp: true })).toBe('must be an http or https URL')
    expect(problem('file:///etc/passwd', { allowHttp: true })).toBe('must be an http or https URL')
  })

  it('takes no user name and no password', () => {
    for (const user of ['a', 'a:b', ':b', '8.8.8.8', '%61']) {
      expect(problem(`https://${user}@example.com/`), user).toBe('must not contain a user name or a password')
    }
  })

  it('takes no name of this machine or its network, in any case and with trailing dots', () => {
    for (const name of ['localhost', 'a.localhost', 'printer.local', 'metadata.google.internal', 'nas.home.arpa']) {
      for (const spelled of [name, name.toUpperCase(), `${name}.`, `${name}..`, name.replace('l', '%6c')]) {
        expect(problem(`https://${spelled}/`), spelled).toBe('must not point to a private address')
      }
    }
    for (const name of ['localhost.example', 'mylocal', 'internal.example.com', 'notlocalhost', 'arpa']) {
      expect(problem(`https://${name}/`), name).toBeNull()
    }
  })

  it('exempts the allowed networks, and nothing beside them', () => {
    const lax = guard({ allowedNetworks: ['127.0.0.1/32', '10.1.0.0/16', 'fd00::/8', '192.168.7.7'] })
    const of = (address: string) => lax.problemOfAddresses(new URL('https://example.com/'), [address])
    for (const address of ['127.0.0.1', '10.1.255.255', 'fd12::1', '192.168.7.7', '::ffff:10.1.2.3', '8.8.8.8']) {
      expect(of(address), address).toBeNull()
    }
    for (const address of ['127.0.0.2', '10.2.0.0', 'fe80::1', '192.168.7.8', '::1', '64:ff9b::a01:203', 'x']) {
      expect(of(address), address).toBe('must not point to a private address')
    }
  })

  it("refuses this server's own port on the machine's own addresses, also where they are exempt", () => {
    const everything = guard({ allowedNetworks: ['0.0.0.0/0', '::/0'], ownPort: () => 443 })
    const interfaces = Object.values(networkInterfaces()).flatMap(each => each!.map(({ address }) => address))
    for (const address of ['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '::ffff:127.0.0.1', ...interfaces]) {
      const of = (url: string) => everything.problemOfAddresses(new URL(url), [address])
      expect(of('https://example.com/'), address).toBe('must not point to this server')
      expect(of('https://example.com:444/'), address).toBeNull()
    }
    expect(everything.problemOfAddresses(new URL('https://example.com/'), ['8.8.8.8'])).toBeNull()
  })
})
