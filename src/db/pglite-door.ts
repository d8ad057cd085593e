import { once } from 'node:events'
import { mkdir, readlink, rm, symlink } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { OpenPGlite } from './pglite.ts'
import { fitsSocket, makeRunDir, removeRunDir, SOCKET_NAME } from './socket-dir.ts'

/**
 * A unix socket that speaks PostgreSQL's protocol, so that a command of the operator can use a PGlite that lives in
 * a running server. There is one session: a joiner has it by holding the only client of the server's own pool, and
 * the next joiner and the server wait for that client as they wait for each other. COPY FROM STDIN ends a PGlite,
 * through this door as without it.
 */
export interface DoorOptions extends Pick<OpenPGlite, 'pool' | 'exchange'> {
  dataDir: string
  holdLimitMs?: number
}

const HOLD_LIMIT_MS = 4_000
const MAX_JOINERS = 10
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024
const MAX_UNREAD_BYTES = 64 * 1024 * 1024
const PROTOCOL_3 = 3 << 16
/** An unknown type of message is fatal for a session, and the session is the whole engine. */
const MESSAGE_TYPES = 'QPBDECSH'

/** AuthenticationOk and ReadyForQuery: who gets past the folder's mode needs no password, and pg asks for no more. */
const WELCOME = Buffer.from('R\0\0\0\x08\0\0\0\0Z\0\0\0\x05I')
const SYNC = 'S\0\0\0\x04'
const ROLLBACK = 'Q\0\0\0\x1drollback; deallocate all\0'
/**
 * Rolled back before the Sync, which would commit a statement whose sender did not live to sync it. After an error
 * everything up to the Sync is skipped: then it is the second that rolls back.
 */
const RESET = Buffer.from(ROLLBACK + SYNC + ROLLBACK)

/** Called with the lock on DATA_DIR held: a socket that is already there has lost its process. */
export async function openDoor(options: DoorOptions): Promise<{ close(): Promise<void> }> {
  const link = linkOf(options.dataDir)
  const clear = async (): Promise<void> => {
    await removeRunDir(await readlink(link).catch(() => null))
    await rm(link, { recursive: true, force: true })
  }
  await clear()
  if (fitsSocket(link)) await mkdir(link, { mode: 0o700 })
  else await symlink(await makeRunDir(), link)

  const joiners = new Set<Socket>()
  const server = createServer(socket => {
    joiners.add(socket)
    socket.once('close', () => joiners.delete(socket))
    // A joiner that is killed or cut leaves nobody to be told.
    socket.on('error', () => {})
    serve(socket, { holdLimitMs: HOLD_LIMIT_MS, ...options })
      .catch(() => {})
      .finally(() => socket.destroy())
  })
  server.maxConnections = MAX_JOINERS
  await once(server.listen(join(await dirOf(options.dataDir), SOCKET_NAME)).unref(), 'listening')
  return {
    async close() {
      server.close()
      for (const socket of joiners) socket.destroy()
      await clear()
    },
  }
}

/** The folder of the socket at which the server on `dataDir` answers, or null. */
export async function findDoor(dataDir: string): Promise<string | null> {
  const dir = await dirOf(dataDir)
  const socket = connect(join(dir, SOCKET_NAME))
  const failure = await once(socket, 'connect').catch((error: Error) => error)
  socket.destroy()
  return failure instanceof Error ? null : dir
}

const linkOf = (dataDir: string): string => join(dataDir, 'pglite-socket')
const dirOf = (dataDir: string): Promise<string> => readlink(linkOf(dataDir)).catch(() => linkOf(dataDir))

async function serve(socket: Socket, { pool, exchange, holdLimitMs }: Required<DoorOptions>): Promise<void> {
  socket.setTimeout(holdLimitMs, () => socket.destroy())
  const messages = messagesOf(socket)
  const startup = await messages.next()
  if (startup.done || startup.value.readUInt32BE(4) !== PROTOCOL_3) return
  const client = await pool.connect()
  const timer = setTimeout(() => socket.destroy(), holdLimitMs)
  try {
    // The names of the server's prepared statements would collide with the joiner's.
    await exchange(RESET)
    socket.write(WELCOME)
    for await (const message of messages) {
      if (!MESSAGE_TYPES.includes(String.fromCharCode(message[0]!))) return
      socket.write(await exchange(message))
      if (socket.writableLength > MAX_UNREAD_BYTES) return
    }
  } finally {
    clearTimeout(timer)
    // Not back into the pool: this client believes in statements that are no longer prepared.
    await exchange(RESET).finally(() => client.release(true))
  }
}

/** A chunk may hold a part of a message or several. Only the first message has no byte for its type. */
async function* messagesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  let lengthAt = 0
  for await (const chunk of chunks) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= lengthAt + 4) {
      const size = lengthAt + rest.readUInt32BE(lengthAt)
      if (size < lengthAt + 4 || size > MAX_MESSAGE_BYTES) throw new Error('not a message of PostgreSQL')
      if (rest.length < size) break
      yield rest.subarray(0, size)
      rest = rest.subarray(size)
      lengthAt = 1
    }
  }
}
