/** A network, a server on it and a caller of the server: what a crash test starts from. */
import { readFileSync } from 'node:fs'
import { copyFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { controlClient } from '../../src/sandbox/client.ts'
import type { SandboxControl } from '../../src/sandbox/sandbox.ts'
import { type Environment, folder, removeFolder, Server, startSandbox, until } from './processes.ts'

export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
}

export interface Message {
  id: string
  direction: 'inbound' | 'outbound'
  status: string
  content: { text: string; caption?: string | null; media?: { media_id: string } }
}

/** What was written, in a text or under a picture. */
export const wordsOf = ({ content }: Message): string => content.text ?? content.caption

const silent = { debug() {}, info() {}, warn() {} }
const REQUEST_MS = 20_000
const PAGE = 200
const MAX_PAGES = 100

export interface World {
  /** The first of them. */
  server: Server
  /** All on one database. */
  servers: Server[]
  /** One that answers, each in turn. */
  next(): Server
  /** Where calls go from now on; null: wherever one answers. */
  at: Server | null
  /** Of its tenant. */
  apiKey: string
  network: SandboxControl
  /** What the sandbox printed. */
  printed: Environment
  call<Body>(method: string, path: string, body?: object, headers?: Environment): Promise<Answer<Body>>
  request(method: string, path: string, init?: { body?: BodyInit; headers?: Environment }): Promise<Response>
  /** Creates an ordinary instance and scans its code. */
  link(name: string): Promise<string>
  state(instanceId: string): Promise<string>
  /** `key`: an Idempotency-Key. */
  send(instanceId: string, contact: string, text: string, key?: string): Promise<Answer<Message>>
  say(instanceId: string, contact: string, text: string): Promise<void>
  /** A contact sends a picture of these bytes. */
  show(instanceId: string, contact: string, picture: { caption: string; bytes: Buffer }): Promise<void>
  /** All of a chat, oldest first. */
  messages(instanceId: string, contact: string): Promise<Message[]>
  /** The texts that the contact's phone shows of what the instance sent, oldest first. */
  shown(instanceId: string, contact: string): Promise<string[]>
  /** Messages to linked devices that the network keeps because nobody acknowledged them. */
  unacknowledged(): Promise<number>
  /** How often a server could not decrypt what it got, as its log says. */
  unreadable(): number
  /** The rows of the running server. */
  withDatabase<T>(use: (database: Database) => Promise<T>): Promise<T>
  close(): Promise<void>
}

interface WorldOptions {
  /** May put something between the two: it gets what the sandbox printed and answers what the server is told. */
  reach?: (printed: Environment) => Promise<Environment>
  /** The server's settings. */
  settings?: Environment
  /** A module that the server loads first. */
  preload?: string
  /** How many servers; more than one need a DATABASE_URL. */
  nodes?: number
  /** Settings of one of them. */
  own?: (node: number) => Environment
  /** Sees the folder of everything before anything is in it; what it answers undoes that. */
  prepare?: (dir: string) => Promise<() => Promise<void>>
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const { reach = async printed => printed, settings, preload, nodes = 1, own = () => ({}), prepare } = options
  const dir = await folder()
  const ends: (() => Promise<void>)[] = [() => removeFolder(dir)]
  const close = async () => {
    for (let end = ends.pop(); end; end = ends.pop()) await end()
  }
  try {
    if (prepare) ends.push(await prepare(dir))
    const sandbox = await startSandbox(dir)
    ends.push(sandbox.end)
    const { printed } = sandbox
    const { WHATSAPP_WS_URL = '', WHATSAPP_MEDIA_URL = '', WHATSAPP_ROOT_KEY = '' } = await reach(printed)
    const network = { WHATSAPP_WS_URL, WHATSAPP_MEDIA_URL, WHATSAPP_ROOT_KEY }
    const servers = Array.from({ length: nodes }, (_, i) => {
      const name = i === 0 ? 'server' : `server-${i}`
      return new Server(dir, { ...network, ...settings, ...own(i) }, { preload, name })
    })
    ends.push(async () => void (await Promise.all(servers.map(server => server.kill()))))
    await Promise.all(servers.map(server => server.start()))
    const apiKey = await servers[0]!.createTenant('Acme')
    const world = assemble({ servers, printed, database: sandbox.database, apiKey, close })
    await world.withDatabase(({ sql }) => sql.query(`update tenant set plan = 'scale'`))
    return world
  } catch (error) {
    await close()
    throw error
  }
}

interface Parts {
  servers: Server[]
  printed: Environment
  /** The file in which the sandbox keeps its state. */
  database: string
  apiKey: string
  close(): Promise<void>
}

function assemble({ servers, printed, database, apiKey, close }: Parts): World {
  const network = controlClient(printed.SANDBOX_URL!)
  const server = servers[0]!
  let turn = 0
  const next = (): Server => {
    const up = servers.filter(({ isUp }) => isUp)
    return up[turn++ % up.length] ?? server
  }
  const request: World['request'] = (method, path, { body, headers } = {}) =>
    fetch(`${(world.at ?? next()).url}/v1${path}`, {
      method,
      headers: { 'x-api-key': apiKey, ...headers },
      body,
      signal: AbortSignal.timeout(REQUEST_MS),
    })
  const call: World['call'] = async (method, path, body, headers) => {
    const json = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
    const response = await request(method, path, json ?? { headers: { ...headers } })
    return { status: response.status, body: JSON.parse((await response.text()) || 'null') }
  }
  const state = async (id: string) => (await call<{ state: string }>('GET', `/instances/${id}/status`)).body.state
  const world: World = {
    server,
    servers,
    next,
    at: null,
    apiKey,
    network,
    printed,
    call,
    request,
    state,
    async link(name) {
      const { id } = (await call<{ id: string }>('POST', '/instances', { name })).body
      const { qr } = (await call<{ qr: string }>('POST', `/instances/${id}/connect`)).body
      await network.scan(id, { qr })
      await until(async () => (await state(id)) === 'connected', `${name} is connected`)
      return id
    },
    send: (id, contact, text, key) =>
      call(
        'POST',
        `/instances/${id}/messages`,
        { chat_id: contact, type: 'text', content: { text } },
        key === undefined ? {} : { 'idempotency-key': key },
      ),
    say: async (id, contact, text) =>
      void (await network.sendMessage(id, { from: contact, content: { type: 'text', text } })),
    show: async (id, contact, { caption, bytes }) => {
      const content = { type: 'image' as const, mimeType: 'image/png', bytes: bytes.toString('base64'), caption }
      await network.sendMessage(id, { from: contact, content })
    },
    messages: (id, contact) => allPages(call, `/instances/${id}/messages?chat_id=${contact}`),
    async shown(id, contact) {
      const messages = await network.messages(id, { contact })
      return messages.flatMap(({ fromMe, content }) => (!fromMe && content.type === 'text' ? [content.text] : []))
    },
    unreadable: () =>
      servers.reduce(
        (sum, { log }) => sum + readFileSync(log, 'utf8').split('failed to decrypt message').length - 1,
        0,
      ),
    unacknowledged: () => unacknowledged(database),
    async withDatabase(use) {
      const opened = await openDatabase({
        databaseUrl: server.databaseUrl,
        dataDir: server.dataDir,
        log: silent,
        join: true,
      })
      try {
        return await use(opened)
      } finally {
        await opened.close().catch(() => {})
      }
    },
    close,
  }
  return world
}

async function allPages(call: World['call'], path: string): Promise<Message[]> {
  const found: Message[] = []
  let cursor = ''
  for (let page = 0; page < MAX_PAGES; page++) {
    const { status, body } = await call<{ data: Message[]; page: { next_cursor: string | null } }>(
      'GET',
      `${path}&limit=${PAGE}${cursor}`,
    )
    if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
    found.push(...body.data)
    if (body.page.next_cursor === null) return found.reverse()
    cursor = `&cursor=${encodeURIComponent(body.page.next_cursor)}`
  }
  throw new Error(`more than ${MAX_PAGES} pages`)
}

/**
 * The sandbox lets nobody else into its file, so a copy is read. A row begins with its name (tag and id), before
 * which stands its length in two bytes.
 */
async function unacknowledged(database: string): Promise<number> {
  const copy = `${database}.copy`
  for (const part of ['', '-wal']) await copyFile(`${database}${part}`, `${copy}${part}`)
  const file = new DatabaseSync(copy)
  try {
    const count = file.prepare(`select count(*) as n from queue where substr(value, 3, 7) = cast('message' as blob)`)
    return Number(count.get()!.n)
  } finally {
    file.close()
  }
}
