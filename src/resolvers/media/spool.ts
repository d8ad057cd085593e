import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { payloadTooLarge, unavailable } from '../../errors.ts'

/** Where bytes are while they come in: on disk, counted and hashed, and gone with whoever took them. */

/** What a file turned out to be once all of it was here. */
export interface Spooled {
  path: string
  sizeBytes: number
  /** Hex. */
  sha256: string
}

export interface Spool {
  /** Rejects beyond `maxBytes` in the moment that they are seen, and leaves nothing. */
  take(bytes: Readable, maxBytes: number): Promise<Spooled>
  discard(spooled: Spooled): Promise<void>
  close(): Promise<void>
}

/** Of this process, and of no other that ever was: its pid may come again. */
const OWN = `${hostname()}~${process.pid}~${randomBytes(6).toString('hex')}`
/** A folder of another machine on the same disk: nothing takes that long to come in. */
const FOREIGN_KEEP_MS = 24 * 3600 * 1000

export async function openSpool(dataDir: string, nowMs: number): Promise<Spool> {
  const root = join(dataDir, 'spool')
  await removeLeftovers(root, nowMs)
  // Several servers of one process, as in tests, have one each.
  const folder = join(root, `${OWN}~${randomBytes(6).toString('hex')}`)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return {
    async take(bytes, maxBytes) {
      const path = join(folder, randomBytes(12).toString('hex'))
      const hash = createHash('sha256')
      let sizeBytes = 0
      const measure = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          hash.update(chunk)
          if ((sizeBytes += chunk.length) > maxBytes) done(payloadTooLarge(maxBytes))
          else done(null, chunk)
        },
      })
      try {
        await pipeline(bytes, measure, createWriteStream(path, { mode: 0o600 }))
      } catch (error) {
        await rm(path, { force: true })
        throw full(error)
      }
      return { path, sizeBytes, sha256: hash.digest('hex') }
    },
    discard: ({ path }) => rm(path, { force: true }),
    close: () => rm(folder, { recursive: true, force: true }),
  }
}

/** A disk without room is no fault of ours, and may have some again. */
export function full(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' ? unavailable('There is no room for files right now', error) : error
}

async function removeLeftovers(root: string, nowMs: number): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const [host, pid] = name.split('~')
    const path = join(root, name)
    const isDead =
      host === hostname()
        ? !name.startsWith(OWN) && (Number(pid) === process.pid || !isAlive(Number(pid)))
        : nowMs - (await changedMs(path)) > FOREIGN_KEEP_MS
    if (isDead) await rm(path, { recursive: true, force: true })
  }
}

/** Of what has just gone: never too long ago. */
const changedMs = (path: string): Promise<number> =>
  stat(path).then(
    facts => facts.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
