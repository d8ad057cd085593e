import type { Server as NodeServer } from 'node:http'
import { type AddressInfo, createServer, type ListenOptions, type Server as NetServer, type Socket } from 'node:net'

/**
 * One port with several listeners. Node accepts one connection of each listener in a turn of its event loop (libuv since 1.45):
 * with a single one, who connects to a busy server waits for as many turns as there are others before him.
 */

const LISTENERS = 16
/** Others have no port that the kernel shares between listeners evenly, or Node does not know of it. */
const SHARES_PORTS = process.platform === 'linux'

export interface Listeners {
  port: number
  /** The first is `node` itself; the connections of all come to it. */
  servers: NetServer[]
}

export async function openListeners(
  node: NodeServer,
  { host, port }: { host: string; port: number },
): Promise<Listeners> {
  if (!SHARES_PORTS) return { port: await listen(node, { host, port }), servers: [node] }
  const free = await freePort(host, port)
  const servers: NetServer[] = []
  try {
    while (servers.length < LISTENERS) {
      const server = servers.length === 0 ? node : another(node)
      await listen(server, { host, port: free, reusePort: true })
      servers.push(server)
    }
  } catch (error) {
    for (const server of servers) server.close()
    throw error
  }
  return { port: free, servers }
}

/** A port that is shared would be shared with any other process of this user, too: so it is taken alone at first. */
async function freePort(host: string, port: number): Promise<number> {
  const probe = createServer()
  const free = await listen(probe, { host, port })
  await new Promise(resolve => probe.close(resolve))
  return free
}

/** With the options that Node's HTTP server has. */
const another = (node: NodeServer): NetServer =>
  createServer({ allowHalfOpen: true, noDelay: true }, (socket: Socket) => node.emit('connection', socket))

function listen(server: NetServer, at: ListenOptions): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.once('error', reject)
  server.listen(at, () => {
    server.off('error', reject)
    resolve((server.address() as AddressInfo).port)
  })
  return promise
}
