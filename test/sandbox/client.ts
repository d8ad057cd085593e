import { createHash } from 'node:crypto'
import makeWASocket, {
  type AuthenticationCreds,
  type AuthenticationState,
  type BaileysEventMap,
  BufferJSON,
  DEFAULT_CONNECTION_CONFIG,
  initAuthCreds,
  proto,
  type SignalDataTypeMap,
  type SocketConfig,
  unpadRandomMax16,
  type WAMessage,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { SandboxNetwork } from '../../src/sandbox/sandbox.ts'
import { candidates, only, type SessionRecord, withSession } from '../../src/sandbox/session-record.ts'
import { PlainAgent, trusting } from './strict.ts'

export const silent = { level: 'silent', child: () => silent, trace() {}, debug() {}, info() {}, warn() {}, error() {} }
const RESTART_REQUIRED = 515
/** For what is to come. */
export const WAIT_MS = 30_000
const sleep = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

export interface Auth extends AuthenticationState {
  creds: AuthenticationCreds
  data: Map<string, unknown>
}

export function memoryAuth(creds = initAuthCreds(), data = new Map<string, unknown>()): Auth {
  return {
    creds,
    data,
    keys: {
      get: async (type, ids) => {
        const found = ids.map(id => [id, data.get(`${type}:${id}`)] as const).filter(([, value]) => value !== undefined)
        return Object.fromEntries(found) as { [id: string]: SignalDataTypeMap[typeof type] }
      },
      set: async rows => {
        for (const [type, entries] of Object.entries(rows)) {
          for (const [id, value] of Object.entries(entries)) {
            if (value) data.set(`${type}:${id}`, value)
            else data.delete(`${type}:${id}`)
          }
        }
      },
    },
  }
}

type EventName = keyof BaileysEventMap
type SignalRepository = ReturnType<SocketConfig['makeSignalRepository']>
interface Seen {
  name: EventName
  data: unknown
}

/** A small gateway around the real Baileys: state in memory, a new socket after 515. */
export class Client {
  readonly auth: Auth
  readonly events: Seen[] = []
  readonly codes: number[] = []
  sock!: WASocket
  reconnect: (code: number) => boolean = code => code === RESTART_REQUIRED
  network: SandboxNetwork
  readonly #config: Partial<SocketConfig>

  constructor(network: SandboxNetwork, options: { auth?: Auth; config?: Partial<SocketConfig> } = {}) {
    this.network = network
    this.auth = options.auth ?? memoryAuth()
    this.#config = options.config ?? {}
  }

  connect(): this {
    const { webSocketUrl, mediaUrl, rootKey } = this.network
    const config = {
      auth: this.auth,
      waWebSocketUrl: webSocketUrl,
      fetchAgent: new PlainAgent(mediaUrl),
      logger: silent,
      ...this.#config,
    } as Parameters<typeof makeWASocket>[0]
    this.sock = trusting(rootKey, () => makeWASocket(config))
    this.sock.ev.process(async map => {
      for (const [name, data] of Object.entries(map) as [EventName, unknown][]) {
        if (name === 'creds.update') Object.assign(this.auth.creds, data)
        this.events.push({ name, data })
        if (name === 'connection.update') this.#onConnection(data as BaileysEventMap['connection.update'])
      }
    })
    return this
  }

  #onConnection({ connection, lastDisconnect }: BaileysEventMap['connection.update']): void {
    if (connection !== 'close') return
    const error = lastDisconnect?.error as { output?: { statusCode?: number } } | undefined
    const code = error?.output?.statusCode ?? 0
    this.codes.push(code)
    if (this.reconnect(code)) setImmediate(() => this.connect())
  }

  /** The first event, seen from the `from`th on, for which `pick` gives something. */
  async wait<N extends EventName, T>(
    name: N,
    pick: (data: BaileysEventMap[N]) => T | undefined | false | null | '' | 0,
    { from = 0 }: { from?: number } = {},
  ): Promise<T> {
    for (let waited = 0, at = from; waited <= WAIT_MS; waited += 5) {
      for (; at < this.events.length; at++) {
        const event = this.events[at]!
        const picked = event.name === name && pick(event.data as BaileysEventMap[N])
        if (picked) return picked
      }
      await sleep(5)
    }
    throw new Error(`no ${name} within ${WAIT_MS} ms`)
  }

  qr = (from = 0) => this.wait('connection.update', u => u.qr, { from })
  open = (from = 0) => this.wait('connection.update', u => u.connection === 'open', { from })
  closed = (from = 0) => this.wait('connection.update', u => u.connection === 'close', { from })

  message(test: (m: WAMessage) => unknown, from = 0): Promise<WAMessage & { upsert: string }> {
    return this.wait(
      'messages.upsert',
      u => {
        const found = u.messages.find(test)
        return found && { ...found, upsert: u.type as string }
      },
      { from },
    )
  }

  text = (text: string, from = 0) => this.message(m => textOf(m) === text, from)

  status(id: string, status: number): Promise<unknown> {
    const one = this.wait('messages.update', us => us.find(u => u.key.id === id && u.update.status === status))
    const two = this.message(m => m.key.id === id && m.status === status)
    two.catch(() => {})
    one.catch(() => {})
    return Promise.any([one, two])
  }

  async close(): Promise<void> {
    await this.sock?.end(undefined)
  }
}

/**
 * Reads at the only place where a client may know of a message before it is acknowledged: right after decryption,
 * with a memory of the ciphertexts, as redelivered ones cannot be decrypted again. (Baileys' own events of a
 * connection that was cut are lost.)
 */
export class Inbox {
  readonly texts: string[] = []
  readonly failures: string[] = []
  readonly #plain = new Map<string, Uint8Array>()
  readonly #keys: Auth['keys']
  #chain: Promise<unknown> = Promise.resolve()
  #shown = ''

  constructor(auth: Auth) {
    this.#keys = auth.keys
  }

  readonly makeSignalRepository: SocketConfig['makeSignalRepository'] = (auth, ...rest) => {
    // Baileys keeps a transaction open around the whole of a send, and writes back what it read at its start: over a
    // step that an incoming message took meanwhile. So the repository gets the bare rows.
    const { get, set } = this.#keys
    const transactions = { isInTransaction: () => false, transaction: <T>(work: () => Promise<T>) => work() }
    const make = (keys: Auth['keys']) =>
      DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds: auth.creds, keys: { ...keys, ...transactions } }, ...rest)
    const repository = make({ get, set })
    const narrow = make(this.#narrowed())
    return {
      ...repository,
      decryptMessage: options => {
        const work = async () => {
          const hash = createHash('sha256').update(options.ciphertext).digest('base64')
          const known = this.#plain.get(hash)
          if (known) return known
          const plain = await this.#decrypt(options, { repository, narrow }).catch(error => {
            this.failures.push(String(error))
            throw error
          })
          this.#plain.set(hash, plain)
          const message = proto.Message.decode(unpadRandomMax16(plain))
          if (message.conversation) this.texts.push(message.conversation)
          return plain
        }
        const done = this.#chain.then(work)
        this.#chain = done.catch(() => {})
        return done
      },
    }
  }

  async #decrypt(
    options: Parameters<SignalRepository['decryptMessage']>[0],
    { repository, narrow }: { repository: SignalRepository; narrow: SignalRepository },
  ): Promise<Uint8Array> {
    const address = repository.jidToSignalProtocolAddress(options.jid)
    const record = (await this.#keys.get('session', [address]))[address] as unknown as SessionRecord | undefined
    if (options.type !== 'msg' || !record) return repository.decryptMessage(options)
    let failure: unknown
    for (const id of candidates(record, options.ciphertext)) {
      this.#shown = id
      try {
        return await narrow.decryptMessage(options)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  // libsignal breaks a session by trying it with another's message: it sees one at a time
  #narrowed(): Auth['keys'] {
    const { get, set } = this.#keys
    return {
      get: async (type, ids) => {
        const rows = await get(type, ids)
        if (type !== 'session') return rows
        const sessions = Object.entries(rows) as unknown as [string, SessionRecord][]
        return Object.fromEntries(
          sessions.map(([id, record]) => [id, only(record, this.#shown)]),
        ) as unknown as typeof rows
      },
      set: async rows => {
        const session: Record<string, unknown> = {}
        for (const [address, changed] of Object.entries(rows.session ?? {}) as unknown as [string, SessionRecord][]) {
          const whole = (await get('session', [address]))[address] as unknown as SessionRecord
          session[address] = withSession(whole, changed)
        }
        await set({ ...rows, session } as typeof rows)
      },
    }
  }
}

export const textOf = (m: WAMessage) => m.message?.conversation ?? m.message?.extendedTextMessage?.text

/** A copy that shares nothing: what a process that died had written. */
export function cloneAuth(auth: Auth): Auth {
  const copy = <T>(value: T): T => JSON.parse(JSON.stringify(value, BufferJSON.replacer), BufferJSON.reviver)
  return memoryAuth(copy(auth.creds), new Map(copy([...auth.data])))
}

/** Waits until `check` gives something. */
export async function until<T>(check: () => T | Promise<T>): Promise<NonNullable<T>> {
  for (let waited = 0; waited <= WAIT_MS; waited += 10) {
    const value = await check()
    if (value) return value
    await sleep(10)
  }
  throw new Error(`not within ${WAIT_MS} ms`)
}
