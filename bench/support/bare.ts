/** Baileys as it comes, with keys in memory, in a process of its own: so many sockets, and loops of `sendMessage` on them. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import makeWASocket, {
  type AuthenticationCreds,
  initAuthCreds,
  type SignalKeyStore,
  WA_CERT_DETAILS,
  type WASocket,
} from '@whiskeysockets/baileys'
import { controlClient } from '../../src/sandbox/client.ts'
import { baileysLogger } from '../../src/whatsapp/log.ts'

export interface BareLoad {
  /** How many of the sockets send, one message after the other each. */
  sockets: number
  contacts: string[]
  seconds: number
  /** Waits for each ack before the next message. */
  paced: boolean
}

export interface BareOutcome {
  sent: number
  /** From the first call to the last ack. */
  tookMs: number
  /** From the call to the ack, of each. */
  ackMs: number[]
  cpuMs: number
}

const ACKS_WITHIN_MS = 30_000
const logger = baileysLogger({ debug() {}, info() {}, warn() {}, error() {} }, 'bare')

function memoryKeys(): SignalKeyStore {
  const rows = new Map<string, unknown>()
  return {
    get: async (type, ids) =>
      Object.fromEntries(
        ids.flatMap(id => (rows.has(`${type}:${id}`) ? [[id, rows.get(`${type}:${id}`)]] : [])),
      ) as never,
    set: async data => {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries ?? {}))
          if (value === null) rows.delete(`${type}:${id}`)
          else rows.set(`${type}:${id}`, value)
    },
  }
}

interface Bare {
  socket: WASocket
  /** By id: when it was sent, and who waits for its ack. */
  waiting: Map<string, { sinceMs: number; done: () => void }>
  ackMs: number[]
}

async function openBare(account: string, controlUrl: string): Promise<Bare> {
  const control = controlClient(controlUrl)
  const { webSocketUrl } = await control.network()
  const creds: AuthenticationCreds = initAuthCreds()
  const keys = memoryKeys()
  const { promise, resolve } = Promise.withResolvers<WASocket>()
  const dial = () => {
    const socket = makeWASocket({
      waWebSocketUrl: webSocketUrl,
      auth: { creds, keys },
      logger,
      shouldSyncHistoryMessage: () => false,
    })
    socket.ev.on('creds.update', update => Object.assign(creds, update))
    socket.ev.on('connection.update', ({ qr, connection }) => {
      if (qr) void control.scan(account, { qr })
      if (connection === 'open') resolve(socket)
      if (connection === 'close') dial()
    })
  }
  dial()
  const socket = await promise
  const bare: Bare = { socket, waiting: new Map(), ackMs: [] }
  socket.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string } }) => {
    const sent = bare.waiting.get(attrs.id)
    if (!sent) return
    bare.waiting.delete(attrs.id)
    bare.ackMs.push(performance.now() - sent.sinceMs)
    sent.done()
  })
  return bare
}

let sent = 0
function sendOne(bare: Bare, contact: string): { written: Promise<unknown>; acked: Promise<void> } {
  const messageId = `BARE${(++sent).toString(16).toUpperCase().padStart(16, '0')}`
  const { promise: acked, resolve: done } = Promise.withResolvers<void>()
  bare.waiting.set(messageId, { sinceMs: performance.now(), done })
  return { written: bare.socket.sendMessage(`${contact}@s.whatsapp.net`, { text: 'Hello' }, { messageId }), acked }
}

async function run(all: Bare[], load: BareLoad): Promise<BareOutcome> {
  const used = all.slice(0, load.sockets)
  for (const bare of used) bare.ackMs = []
  const before = process.cpuUsage()
  const startMs = performance.now()
  const endMs = startMs + load.seconds * 1000
  let count = 0
  const loop = async (bare: Bare) => {
    for (let n = 0; performance.now() < endMs; n++) {
      const { written, acked } = sendOne(bare, load.contacts[n % load.contacts.length]!)
      await written
      if (load.paced) await acked
      count++
    }
  }
  await Promise.all(used.map(loop))
  const givenUpMs = performance.now() + ACKS_WITHIN_MS
  while (used.some(({ waiting }) => waiting.size > 0) && performance.now() < givenUpMs) await sleep(1)
  const tookMs = performance.now() - startMs
  const { user, system } = process.cpuUsage(before)
  return { sent: count, tookMs, ackMs: used.flatMap(({ ackMs }) => ackMs), cpuMs: (user + system) / 1000 }
}

async function main(): Promise<void> {
  // libsignal prints sessions, private keys included
  for (const level of ['info', 'warn', 'error', 'log'] as const) console[level] = () => {}
  const [{ sockets, controlUrl }] = (await once(process, 'message')) as [{ sockets: number; controlUrl: string }]
  const { rootKey } = await controlClient(controlUrl).network()
  Object.defineProperty(WA_CERT_DETAILS, 'PUBLIC_KEY', { value: Buffer.from(rootKey, 'base64') })
  const all: Bare[] = []
  for (let n = 0; n < sockets; n++) all.push(await openBare(`bare ${n}`, controlUrl))
  process.on('message', load => void run(all, load as BareLoad).then(outcome => process.send!(outcome)))
  process.on('disconnect', () => process.exit(0))
  process.send!('open')
}

if (process.argv[2] === 'bare') await main()
