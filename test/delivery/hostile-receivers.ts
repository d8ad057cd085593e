import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'

/**
 * A process of its own, so that what these receivers hold is not counted as ours: a port for each kind of hostility.
 * It tells its parent the ports, and when asked how many of its sockets are open.
 */
const GIGABYTE = 1024 ** 3

const every = (ms: number, socket: Socket, text: () => string): void => {
  const timer = setInterval(() => socket.write(text()), ms)
  socket.on('close', () => clearInterval(timer))
}

async function pour(socket: Socket, bytes: number): Promise<void> {
  const piece = Buffer.alloc(256 * 1024, 'x')
  for (let sent = 0; sent < bytes && !socket.destroyed; sent += piece.length) {
    if (!socket.write(piece)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {})
  }
}

const KINDS: Record<string, (socket: Socket) => void> = {
  'never answers': () => {},
  'closes at once': socket => socket.destroy(),
  'resets at once': socket => socket.resetAndDestroy(),
  'sends its headers a byte a second': socket => {
    const head = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'
    let at = 0
    socket.write(head[at++]!)
    every(1_000, socket, () => head[at++] ?? '')
  },
  'sends 100,000 headers': socket => {
    socket.write('HTTP/1.1 200 OK\r\n')
    socket.write(headers)
  },
  'sends headers without end': socket => {
    socket.write('HTTP/1.1 200 OK\r\n')
    every(1, socket, () => `x-${Math.random()}: ${'x'.repeat(500)}\r\n`)
  },
  'goes on saying that it will answer': socket =>
    every(5, socket, () => 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(20)),
  'sends a body a byte a second': socket => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n')
    every(1_000, socket, () => 'x')
  },
  'sends a body without end': socket => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n')
    every(1, socket, () => `4000\r\n${'x'.repeat(0x4000)}\r\n`)
  },
  'sends a body of 1 GB': socket => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${GIGABYTE}\r\n\r\n`)
    void pour(socket, GIGABYTE)
  },
  'sends a gzip bomb': socket => {
    socket.write(`HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: ${bomb.length}\r\n\r\n`)
    socket.write(bomb)
  },
  'sends half an answer': socket => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')
    setTimeout(() => socket.destroy(), 50)
  },
  'speaks no HTTP': socket => socket.write(`220 mail.example.com ESMTP\r\n${'x'.repeat(100_000)}`),
  'takes to another protocol': socket =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
}
const headers = Array.from({ length: 100_000 }, (_, i) => `x-${i}: ${i}\r\n`).join('')
const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024))

const open = new Set<Socket>()
const ports: Record<string, number> = {}
for (const [kind, turnOn] of Object.entries(KINDS)) {
  const server = createServer(socket => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    if (kind.endsWith('at once')) return turnOn(socket)
    let begun = false
    socket.on('data', () => {
      if (!begun) turnOn(socket)
      begun = true
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  ports[kind] = (server.address() as AddressInfo).port
}
process.on('message', () => process.send!({ open: open.size }))
process.on('disconnect', () => process.exit())
process.send!({ ports })
