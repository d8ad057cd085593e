import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { WebSocketServer } from 'ws'
import { type Clock, systemClock } from '../clock.ts'
import { Connection } from './connection.ts'
import { Control } from './control.ts'
import { CONTROL_PATH, createControlHandler } from './control-http.ts'
import { MediaStore } from './media.ts'
import type { SandboxControl, SandboxNetwork } from './sandbox.ts'
import { Simulator, type SimulatorOptions } from './simulator.ts'
import { Store } from './store.ts'

export interface OpenOptions extends Partial<SimulatorOptions> {
  /** Made when it is not there. One process at a time. */
  dataDir: string
  /** 127.0.0.1 */
  host?: string
  /** 0 or absent: the one of last time if it is free, else any. */
  port?: number
  clock?: Clock
  log?: { error(details: { err: unknown }, message: string): void }
}

export interface Sandbox {
  control: SandboxControl
  network: SandboxNetwork
  /** Secret: it gives every phone away. */
  controlUrl: string
  /** The inside, for tests. */
  simulator: Simulator
  /** Commits and closes; the state is there for the next start. */
  close(): Promise<void>
}

const MAX_FRAME_BYTES = 16 * 1024 * 1024

/** Opens the network that is kept in `dataDir`, on one port: WebSocket, media host and control. */
export async function openSandbox(options: OpenOptions): Promise<Sandbox> {
  const { dataDir, host = '127.0.0.1', port = 0, clock = systemClock, log, ...rest } = options
  await mkdir(dataDir, { recursive: true })
  const store = new Store(join(dataDir, 'sandbox.db'))
  let baseUrl = ''
  const media = new MediaStore(join(dataDir, 'media'), () => baseUrl)
  await media.open()
  const onError = (error: unknown) => log?.error({ err: error }, 'the sandbox met an error')
  const simulator = new Simulator({ store, media, clock, options: rest, onError })
  store.onFailure = error => {
    log?.error({ err: error }, 'the sandbox cannot store any more')
    simulator.close()
  }
  const server = createServer()
  const wanted = port === 0 ? Number(store.getText('meta', 'port') ?? 0) : port
  const address = await listen(server, { host, port: wanted, elseAny: port === 0 }).catch(error => {
    store.close()
    throw error
  })
  store.put('meta', 'port', String(address.port))
  const place = `${host.includes(':') ? `[${host}]` : host}:${address.port}`
  baseUrl = `http://${place}`
  simulator.mediaHost = place
  const token = store.getText('meta', 'token') ?? randomBytes(24).toString('base64url')
  store.put('meta', 'token', token)
  const rootKey = simulator.identity.rootKey.toString('base64')
  const network = { webSocketUrl: `ws://${place}/ws/chat`, mediaUrl: baseUrl, rootKey }
  const control = new Control(simulator, network)
  const sockets = acceptSockets(server, simulator)
  serveHttp(server, { control: createControlHandler(control, token), media: media.handle.bind(media), onError })
  await store.stored()
  simulator.schedule.load()
  const close = async () => {
    simulator.close()
    sockets.close()
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
    store.close()
  }
  return { control, network, controlUrl: `${baseUrl}${CONTROL_PATH}${token}`, simulator, close }
}

type Place = { host: string; port: number; elseAny: boolean }

async function listen(server: Server, { host, port, elseAny }: Place): Promise<AddressInfo> {
  const attempt = (wanted: number) =>
    new Promise<AddressInfo>((resolve, reject) => {
      server.once('error', reject)
      server.listen(wanted, host, () => {
        server.off('error', reject)
        resolve(server.address() as AddressInfo)
      })
    })
  try {
    return await attempt(port)
  } catch (error) {
    if (!elseAny || port === 0) throw error
    return attempt(0)
  }
}

function acceptSockets(server: Server, simulator: Simulator): WebSocketServer {
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES })
  server.on('upgrade', (request, socket, head) => {
    const { upgradeStatus } = simulator.faults
    const path = (request.url ?? '').split('?')[0]
    const status = upgradeStatus ?? (path === '/ws/chat' ? null : 404)
    socket.on('error', () => {})
    if (status !== null) return void socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`)
    sockets.handleUpgrade(request, socket, head, ws => simulator.connections.add(new Connection(simulator, ws)))
  })
  return sockets
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void>

function serveHttp(
  server: Server,
  doors: { control: Handler; media: Handler; onError: (error: unknown) => void },
): void {
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const door = request.url?.startsWith(CONTROL_PATH) ? doors.control : doors.media
    door(request, response).catch(error => {
      doors.onError(error)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    })
  })
}
