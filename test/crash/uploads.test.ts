import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { exchange, filesIn, MULTIPART, multipart } from '../support/media.ts'
import { folder, removeFolder, Server, until } from './processes.ts'

/** Servers that are killed with -9 while files come in: afterwards each row has its file, and each file a row. */

const KILLS = Number(process.env.UPLOAD_KILLS ?? 5)
const AT_ONCE = 6
const SIZE_BYTES = 400_000

let dir: string
let server: Server
let apiKey: string
let id: string
beforeAll(async () => {
  dir = await folder()
  server = new Server(dir, { LOG_LEVEL: 'info' })
  await server.start()
  apiKey = await server.createTenant('Acme')
  id = await server.createInstance(apiKey)
}, 90_000)
afterAll(async () => {
  await server?.kill()
  await removeFolder(dir)
}, 30_000)

interface Taken {
  id: string
  sha256: string
}

/** Uploads one after another until the server is gone; what was answered 201 is a promise. */
async function upload(taken: Taken[]): Promise<void> {
  for (;;) {
    const bytes = randomBytes(SIZE_BYTES)
    const got = await exchange(`${server.url}/v1/instances/${id}/media`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, ...MULTIPART },
      write: call => call.end(multipart([{ name: 'file', filename: 'a.bin', bytes }])),
    }).catch(() => null)
    if (!got) return
    expect(got.status).toBe(201)
    taken.push({ id: got.body.id, sha256: createHash('sha256').update(bytes).digest('hex') })
  }
}

const silent = { debug() {}, info() {}, warn() {} }

async function withDatabase<T>(use: (database: Database) => Promise<T>): Promise<T> {
  const opened = await openDatabase({ dataDir: server.dataDir, log: silent, join: true })
  try {
    return await use(opened)
  } finally {
    await opened.close().catch(() => {})
  }
}

interface Found {
  rows: string[]
  garbage: string[]
  files: string[]
}

const media = () => join(server.dataDir, 'media')

/** Rows and files by key; half-written files count as those that they would have become. */
const found = (): Promise<Found> =>
  withDatabase(async ({ sql }) => {
    const keys = async (from: string): Promise<string[]> =>
      (await sql.query<{ key: string }>(`select storage_key as key from ${from} order by 1`)).map(row => row.key)
    const paths = await filesIn(media())
    const files = [...new Set(paths.map(path => path.slice(media().length + 1).replace(/\.part$/, '')))].sort()
    return { rows: await keys('media'), garbage: await keys('media_garbage'), files }
  })

it(`${KILLS} kills during uploads leave no row without its file, and no file that is not swept`, async () => {
  const taken: Taken[] = []
  let left = 0
  for (let kill = 0; kill < KILLS; kill++) {
    const uploads = Array.from({ length: AT_ONCE }, () => upload(taken))
    const wanted = taken.length + 1 + Math.floor(Math.random() * AT_ONCE)
    await until(() => taken.length >= wanted, 'files come in')
    await sleep(Math.random() * 200)
    await server.kill()
    await Promise.all(uploads)
    await server.start()
    const { rows, garbage, files } = await found()
    const lost = rows.filter(key => !files.includes(key))
    const loose = files.filter(key => !rows.includes(key) && !garbage.includes(key))
    left += files.filter(key => garbage.includes(key)).length
    expect({ lost, loose }).toEqual({ lost: [], loose: [] })
    const spooled = await filesIn(join(server.dataDir, 'spool'))
    expect(spooled).toEqual([])
  }
  for (const { id: mediaId, sha256 } of taken) {
    const got = await exchange(`${server.url}/v1/instances/${id}/media/${mediaId}/content`, {
      headers: { 'x-api-key': apiKey },
    })
    expect([got.status, createHash('sha256').update(got.bytes).digest('hex')]).toEqual([200, sha256])
  }
  // As if the minutes had passed that the clock waits.
  await withDatabase(({ sql }) => sql.query(`update media_garbage set created_at = created_at - interval '10 minutes'`))
  await until(async () => (await found()).garbage.length === 0, 'the clock has swept', 40_000)
  const { rows, files } = await found()
  expect(files).toEqual(rows)
  console.log(`media: ${KILLS} kills, ${taken.length} uploads answered and all there, ${left} files swept`)
  expect(taken.length).toBeGreaterThanOrEqual(KILLS)
}, 300_000)
