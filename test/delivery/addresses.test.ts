import type { AddressInfo } from 'node:net'
import { createServer, Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import { afterEach, describe, expect, it } from 'vitest'
import { createDelivery, type Delivery, type DeliveryPolicy, type PostOutcome } from '../../src/delivery/delivery.ts'

/** From the registries of special-purpose addresses, and what carries IPv4 inside IPv6. */
const V4_CLASSES = ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12']
  .concat(['192.0.0.0/24', '192.0.2.0/24', '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16'])
  .concat(['192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'])
  .concat(['255.255.255.255/32'])
const V6_CLASSES = ['::/128', '::1/128', '::127.0.0.0/104', '::ffff:10.0.0.0/104', '::ffff:0:169.254.0.0/112']
  .concat(['64:ff9b::/96', '64:ff9b:1::/48', '100::/64', '2001::/32', '2001:2::/48', '2001:10::/28', '2001:20::/28'])
  .concat(['2001:db8::/32', '2002::/16', '3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'fec0::/10', 'ff00::/8'])

const ends = (cidr: string): string[] =>
  cidr.includes(':')
    ? [ipaddr.IPv6.networkAddressFromCIDR(cidr).toString(), ipaddr.IPv6.broadcastAddressFromCIDR(cidr).toString()]
    : [ipaddr.IPv4.networkAddressFromCIDR(cidr).toString(), ipaddr.IPv4.broadcastAddressFromCIDR(cidr).toString()]

const FORBIDDEN = [...V4_CLASSES, ...V6_CLASSES].flatMap(ends).concat('169.254.169.254', '::ffff:127.0.0.1')
const NEIGHBOURS = [
  '100.63.255.255',
  '100.128.0.0',
  '172.15.255.255',
  '172.32.0.1',
  '11.0.0.0',
  '126.255.255.255',
].concat(['128.0.0.0', '169.253.255.255', '192.169.0.0', '223.255.255.255', '2606:4700::', '2001:4860:4860::8888'])

const SPELLINGS = ['0177.0.0.1', '2130706433', '0x7f000001', '0x7f.1', '127.1', '0', '017700000001', '127.0.0.1.']
  .concat([
    '１２７.０.０.１',
    '127。0。0。1',
    '%31%32%37.0.0.1',
    '8.8.8.8@127.0.0.1',
    'user:word@8.8.8.8',
    '[::ffff:7f00:1]',
  ])
  .concat([
    '[::ffff:127.0.0.1]',
    '[::1%25lo]',
    '[::1%lo]',
    '127.0.0.1\\@8.8.8.8',
    'localhost',
    'LOCALHOST.',
    'a.localhost',
  ])
  .concat([
    'printer.local',
    'metadata.google.internal',
    'nas.home.arpa',
    '8.8.8.8 @127.0.0.1',
    '①27.0.0.1',
    'ｌocalhost',
  ])

const isV6 = (address: string) => address.includes(':')
const literal = (address: string) => (isV6(address) ? `[${address}]` : address)
const mapped = (address: string) => (isV6(address) ? address : `::ffff:${address}`)

let delivery: Delivery
afterEach(() => delivery.close())

/** Records what would be dialled, and connects to nothing. */
function open(lookup: (hostname: string) => string[], over: Partial<DeliveryPolicy> = {}) {
  const dials: string[] = []
  delivery = createDelivery({
    allowHttp: true,
    allowedNetworks: [],
    ownPort: () => null,
    lookup: async hostname => lookup(hostname),
    dial: ({ address }) => {
      dials.push(address)
      const socket = new Socket()
      process.nextTick(() => socket.destroy(Object.assign(new Error('a stub'), { code: 'ECONNREFUSED' })))
      return socket
    },
    ...over,
  })
  return dials
}

const post = (url: string): Promise<PostOutcome> => delivery.post({ url, headers: {}, body: '{}', timeoutMs: 2_000 })
const codeOf = (outcome: PostOutcome) => (outcome.kind === 'failed' ? outcome.code : outcome.statusCode)

describe('a forbidden address', () => {
  const ways: [string, (address: string) => { host: string; records: string[] }][] = [
    ['as a literal', address => ({ host: literal(address), records: [] })],
    ['as an A record', address => ({ host: 'hook.example.com', records: [address] })],
    ['as an AAAA record', address => ({ host: 'hook.example.com', records: [mapped(address)] })],
    [
      'as one record of several',
      address => ({ host: 'hook.example.com', records: ['8.8.8.8', address, '2606:4700::'] }),
    ],
  ]
  for (const [way, make] of ways) {
    it(`of ${V4_CLASSES.length + V6_CLASSES.length} classes, ${way}, is refused at creation and never dialled`, async () => {
      let records: string[] = []
      const dials = open(() => records)
      for (const address of FORBIDDEN) {
        const { host, ...rest } = make(address)
        records = rest.records
        for (const url of [`http://${host}/x`, `https://${host}:8443/x`]) {
          expect(codeOf(await post(url)), `${url} ${records}`).toBe('address_refused')
          expect(await delivery.problemWith(url), `${url} ${records}`).toBe('must not point to a private address')
        }
      }
      expect(dials).toEqual([])
    })
  }

  it(`in ${SPELLINGS.length} spellings is refused at creation and never dialled`, async () => {
    const dials = open(() => ['8.8.8.8'])
    for (const spelling of SPELLINGS) {
      const url = `http://${spelling}/x`
      expect(codeOf(await post(url)), url).toBe('address_refused')
      expect(await delivery.problemWith(url), url).toMatch(/^must (be|not)/)
    }
    expect(dials).toEqual([])
  })
})

describe('an allowed address', () => {
  it('just outside a forbidden network is dialled, as a literal and as a record', async () => {
    let records: string[] = []
    const dials = open(() => records)
    for (const address of NEIGHBOURS) {
      records = [address]
      for (const host of [literal(address), 'hook.example.com']) {
        expect(codeOf(await post(`https://${host}/x`)), host).toBe('connection')
        expect(await delivery.problemWith(`https://${host}/x`), host).toBeNull()
      }
    }
    expect(dials).toEqual(NEIGHBOURS.flatMap(each => [each, each]))
  })

  it('that cannot be reached gives way to the next one of the name, six at most', async () => {
    const records = Array.from({ length: 20 }, (_, i) => `8.8.8.${i}`)
    const dials = open(() => records)
    expect(codeOf(await post('https://hook.example.com/'))).toBe('connection')
    expect(dials).toEqual(records.slice(0, 6))
  })
})

describe('a name', () => {
  it('that turns to a forbidden address between check and dial, or between two tries, is not dialled there in 1,000 rounds', async () => {
    let lookups = 0
    const dials = open(() => (lookups++ % 2 === 0 ? ['8.8.8.8'] : ['127.0.0.1']))
    const outcomes: unknown[] = []
    for (let i = 0; i < 1_000; i++) {
      // Odd rounds check first: of every pair of lookups, the second is the forbidden one.
      if (i % 2 === 1) expect(await delivery.problemWith('http://hook.example.com/')).toBeNull()
      outcomes.push(codeOf(await post('http://hook.example.com/')))
      if (i % 2 === 0) outcomes.push(codeOf(await post('http://hook.example.com/')))
    }
    expect(dials).toEqual(Array(500).fill('8.8.8.8'))
    expect(outcomes.filter(code => code === 'address_refused')).toHaveLength(1_000)
  })

  it('is looked up once for a connection, and what was looked at is what is dialled', async () => {
    let lookups = 0
    const dials = open(() => [`8.8.${lookups >> 8}.${lookups++ & 255}`])
    for (let i = 0; i < 300; i++) await post('https://hook.example.com/')
    expect(lookups).toBe(300)
    expect(dials).toEqual(Array.from({ length: 300 }, (_, i) => `8.8.${i >> 8}.${i & 255}`))
  })

  it('that turns to this machine, over the real way to the network, reaches nobody', async () => {
    let visits = 0
    const inside = createServer(socket => {
      visits++
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await new Promise(resolve => inside.once('listening', resolve))
    const { port } = inside.address() as AddressInfo
    open(() => ['127.0.0.1'], { dial: undefined })
    for (const host of ['hook.example.com', '127.0.0.1', '[::ffff:127.0.0.1]', '127.1']) {
      expect(codeOf(await post(`http://${host}:${port}/`)), host).toBe('address_refused')
    }
    expect(visits).toBe(0)
    inside.close()
  })

  it('that cannot be resolved is fine at creation, and fails when it is posted to', async () => {
    const dials = open(() => {
      throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    })
    expect(await delivery.problemWith('https://hook.example.com/')).toBeNull()
    expect(codeOf(await post('https://hook.example.com/'))).toBe('not_resolved')
    expect(dials).toEqual([])
  })

  it('whose name server never answers is fine at creation after 3 s, and a timeout when it is posted to', async () => {
    open(() => [], { lookup: () => new Promise(() => {}) })
    const startMs = performance.now()
    expect(await delivery.problemWith('https://hook.example.com/')).toBeNull()
    expect(performance.now() - startMs).toBeLessThan(4_000)
    const outcome = await delivery.post({ url: 'https://hook.example.com/', headers: {}, body: '', timeoutMs: 300 })
    expect(outcome).toMatchObject({ kind: 'failed', code: 'timeout' })
    expect(outcome.durationMs).toBeLessThan(1_300)
  })
})
