import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterEach, expect, it } from 'vitest'
import { type Listeners, openListeners } from './listeners.ts'

/** In a thread of its own: connects as often as it is told to, and tells by `told` how many connections are made. */
const CLIENT = `
  const { workerData } = require('node:worker_threads')
  const { port, words, count } = workerData
  const told = new Int32Array(words)
  for (let n = 0; n < count; n++) {
    require('node:net').connect(port, '127.0.0.1').on('connect', () => {
      Atomics.add(told, 0, 1)
      Atomics.notify(told, 0)
    }).on('error', () => {})
  }
`
const CLIENTS = 64

const servers: Server[] = []
let client: Worker | undefined

afterEach(async () => {
  await client?.terminate()
  for (const server of servers.splice(0)) server.close()
})

async function opened(port = 0): Promise<Listeners & { node: Server }> {
  const node = createServer((_req, res) => res.end('{}'))
  const listeners = await openListeners(node, { host: '127.0.0.1', port })
  servers.push(...(listeners.servers as Server[]))
  return { ...listeners, node }
}

it.runIf(process.platform === 'linux')('lets many who wait in at once, in a few turns of a busy loop', async () => {
  const { node, port } = await opened()
  const sockets = new Set<Socket>()
  node.on('connection', socket => sockets.add(socket))
  const told = new Int32Array(new SharedArrayBuffer(4))
  client = new Worker(CLIENT, { eval: true, workerData: { port, words: told.buffer, count: CLIENTS } })
  await new Promise(resolve => client!.once('online', resolve))
  // The kernel makes connections while this loop stands still.
  for (let made = 0; made < CLIENTS; made = Atomics.load(told, 0)) Atomics.wait(told, 0, made, 100)
  let turns = 0
  while (sockets.size < CLIENTS) {
    await turn()
    turns++
  }
  expect(turns).toBeLessThan(CLIENTS / 2)
  for (const socket of sockets) socket.destroy()
})

it('serves whoever comes, by whichever listener', async () => {
  const { port } = await opened()
  const answers = await Promise.all(
    Array.from({ length: 40 }, () =>
      fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } }).then(({ status }) => status),
    ),
  )
  expect(new Set(answers)).toEqual(new Set([200]))
})

it('takes no port that something listens at: not even another of this kind', async () => {
  const { port } = await opened()
  await expect(opened(port)).rejects.toThrow('EADDRINUSE')
})
