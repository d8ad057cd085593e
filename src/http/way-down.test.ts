import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { wayDown } from './way-down.ts'

/** In a thread of its own: it goes on while the server's stands still. A request at first, another when `begin` is told. */
const CLIENT = `
  const { parentPort, workerData } = require('node:worker_threads')
  const { port, words, again } = workerData
  const told = new Int32Array(words)
  const tell = at => (Atomics.store(told, at, 1), Atomics.notify(told, at))
  const ask = socket => socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n')
  const connect = () => {
    const socket = require('node:net').connect(port, '127.0.0.1')
    socket.on('data', data => parentPort.postMessage(/connection: close/i.test(data) ? 'answered, and closed' : 'answered'))
    socket.on('error', error => parentPort.postMessage(error.code))
    socket.on('close', () => parentPort.postMessage('end'))
    socket.on('connect', () => ask(socket))
    return socket
  }
  const first = connect()
  parentPort.once('message', () => {
    Atomics.wait(told, 0, 0)
    if (again === 'same') {
      ask(first)
      tell(1)
    } else {
      const other = connect()
      other.on('connect', () => tell(1))
    }
  })
`

const BEGIN = 0
const DONE = 1

let node: Server
let told: Int32Array
let said: string[]
let onRequest: (req: IncomingMessage) => void
let deaf: boolean
let client: Worker
const connections = new Set<Socket>()
const open = new Set<ServerResponse>()

beforeEach(async () => {
  told = new Int32Array(new SharedArrayBuffer(8))
  said = []
  deaf = false
  onRequest = () => {}
  node = createServer((req, res) => {
    open.add(res)
    res.once('close', () => open.delete(res))
    onRequest(req)
    if (deaf) res.shouldKeepAlive = false
    res.end('{}')
  })
  node.on('connection', socket => connections.add(socket))
  await new Promise<void>(resolve => node.listen(0, '127.0.0.1', resolve))
})
afterEach(() => client.terminate())

/** The next request comes over the same connection, or over another. */
async function clientThatAsks(again: 'same' | 'other'): Promise<void> {
  const { port } = node.address() as AddressInfo
  client = new Worker(CLIENT, { eval: true, workerData: { port, words: told.buffer, again } })
  client.on('message', word => said.push(word))
  await expect.poll(() => said).toEqual(['answered'])
  client.postMessage('ready')
}

function standStill(atLeastMs: number): void {
  Atomics.store(told, BEGIN, 1)
  Atomics.notify(told, BEGIN)
  Atomics.wait(told, DONE, 0)
  Atomics.wait(told, DONE, 1, atLeastMs)
}

const down = (onDeaf: () => void) =>
  wayDown({ node, listeners: [node], open: () => open, connections, noticeMs: 0, drainMs: 5000, onDeaf })

describe('what came while the server had no time to read it is answered', () => {
  it('on an open connection', async () => {
    await clientThatAsks('same')
    await down(() => {
      deaf = true
      // Until it is time to end the connections.
      setImmediate(() => standStill(500))
    })
    await expect.poll(() => said.at(-1)).toBe('end')
    expect(said).toEqual(['answered', 'answered, and closed', 'end'])
  }, 20_000)

  it('on a connection that was made meanwhile', async () => {
    await clientThatAsks('other')
    const ended = Promise.withResolvers<void>()
    onRequest = () => {
      onRequest = () => {}
      void down(() => (deaf = true)).then(ended.resolve)
      standStill(50)
    }
    const { port } = node.address() as AddressInfo
    await fetch(`http://127.0.0.1:${port}`)
    await ended.promise
    await expect.poll(() => said.filter(word => word === 'end')).toHaveLength(2)
    expect(said.filter(word => word.startsWith('answered'))).toHaveLength(2)
    expect(said).toHaveLength(4)
  }, 20_000)
})

it('who comes while others still come is let in, each on a connection of its own', async () => {
  client = new Worker('', { eval: true })
  let isDeaf = false
  const ended = down(() => (isDeaf = true))
  const { port } = node.address() as AddressInfo
  const ask = () => fetch(`http://127.0.0.1:${port}`, { headers: { connection: 'close' } })
  const answers: number[] = []
  while (answers.length < 10) {
    answers.push((await ask()).status)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  expect({ answers, isDeaf }).toEqual({ answers: Array(10).fill(200), isDeaf: false })
  await ended
  await expect(ask()).rejects.toThrow('fetch failed')
}, 20_000)
