/**
 * Baileys as it comes, with credentials and keys in memory, in a process of its own: so many sockets on a sandbox. They
 * are linked once; what each keeps stands in a file of its own.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import makeWASocket, {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  type SignalKeyStore,
  WA_CERT_DETAILS,
  type WASocket,
} from '@whiskeysockets/baileys'
import { controlClient } from '../../src/sandbox/client.ts'
import { baileysLogger } from '../../src/whatsapp/log.ts'
import { serve, start } from './child.ts'

const AT_ONCE = 8
const logger = baileysLogger({ debug() {}, info() {}, warn() {}, error() {} }, 'bare')

interface Kept {
  creds: AuthenticationCreds
  keys: Record<string, unknown>
}

interface Bare extends Kept {
  socket: WASocket | null
}

const nowMs = () => performance.timeOrigin + performance.now()
/** Text → when it came, of all sockets. */
const heard = new Map<string, number>()

function memoryKeys(rows: Record<string, unknown>): SignalKeyStore {
  return {
    get: async (type, ids) =>
      Object.fromEntries(ids.flatMap(id => (`${type}:${id}` in rows ? [[id, rows[`${type}:${id}`]]] : []))) as never,
    set: async data => {
      for (const [type, entries] of Object.entries(data))
        for (const [id, value] of Object.entries(entries ?? {}))
          if (value === null) delete rows[`${type}:${id}`]
          else rows[`${type}:${id}`] = value
    },
  }
}

/** Resolves once it is online. */
async function open(bare: Bare, { account, sandboxUrl }: { account: string; sandboxUrl: string }): Promise<void> {
  const control = controlClient(sandboxUrl)
  const { webSocketUrl } = await control.network()
  const { promise, resolve } = Promise.withResolvers<void>()
  const dial = () => {
    const socket = makeWASocket({
      waWebSocketUrl: webSocketUrl,
      auth: { creds: bare.creds, keys: memoryKeys(bare.keys) },
      logger,
      shouldSyncHistoryMessage: () => false,
    })
    bare.socket = socket
    socket.ev.on('creds.update', update => Object.assign(bare.creds, update))
    socket.ev.on('connection.update', ({ qr, connection }) => {
      if (qr) void control.scan(account, { qr })
      if (connection === 'open') resolve()
      if (connection === 'close') dial()
    })
    socket.ev.on('messages.upsert', ({ messages }) => {
      for (const { message } of messages) {
        const text = message?.conversation ?? message?.extendedTextMessage?.text
        if (text) heard.set(text, nowMs())
      }
    })
  }
  dial()
  await promise
}

const fileOf = (dir: string, n: number) => join(dir, `${n}.json`)

const keptIn = (dir: string | null, n: number): Kept | null =>
  dir !== null && existsSync(fileOf(dir, n))
    ? JSON.parse(readFileSync(fileOf(dir, n), 'utf8'), BufferJSON.reviver)
    : null

async function main(): Promise<void> {
  // libsignal prints sessions, private keys included
  for (const level of ['info', 'warn', 'error', 'log'] as const) console[level] = () => {}
  const all: Bare[] = []
  const openAll = async ({ count, sandboxUrl, kept }: Opening) => {
    const { rootKey } = await controlClient(sandboxUrl).network()
    Object.defineProperty(WA_CERT_DETAILS, 'PUBLIC_KEY', { value: Buffer.from(rootKey, 'base64') })
    let next = 0
    const one = async () => {
      while (next < count) {
        const n = next++
        all[n] = { socket: null, ...(keptIn(kept, n) ?? { creds: initAuthCreds(), keys: {} }) }
        await open(all[n], { account: `bare ${n}`, sandboxUrl })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
  }
  serve(async asked => {
    if (asked.open) await openAll(asked.open)
    if (asked.keep) {
      mkdirSync(asked.keep, { recursive: true })
      for (const [n, { creds, keys }] of all.entries())
        writeFileSync(fileOf(asked.keep, n), JSON.stringify({ creds, keys }, BufferJSON.replacer))
    }
    if (asked.heard) return [...heard]
    if (asked.memory) {
      for (let i = 0; i < 3; i++) {
        globalThis.gc!()
        await sleep(200)
      }
      return process.memoryUsage.rss()
    }
  })
}

export interface Opening {
  count: number
  sandboxUrl: string
  /** The folder that `keep` has written to; null, or not in it: they are linked now. */
  kept: string | null
}

export interface Sockets {
  pid: number
  open(opening: Opening): Promise<void>
  keep(dir: string): Promise<void>
  /** Texts, and when each came. */
  heard(): Promise<Map<string, number>>
  /** Bytes in RAM, of what is in use. */
  memory(): Promise<number>
  end(): Promise<void>
}

export async function startSockets(): Promise<Sockets> {
  const child = await start(import.meta.url, 'sockets', { flags: ['--max-semi-space-size=4', '--expose-gc'] })
  return {
    pid: child.pid,
    open: opening => child.ask({ open: opening }),
    keep: dir => child.ask({ keep: dir }),
    heard: async () => new Map(await child.ask<[string, number][]>({ heard: true })),
    memory: () => child.ask({ memory: true }),
    end: () => child.end(),
  }
}

if (process.argv[2] === 'sockets' && import.meta.main) await main()
