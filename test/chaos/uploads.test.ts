import { createHash, randomBytes } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { App } from '../../src/context.ts'
import { tidyMediaDue } from '../../src/resolvers/media/tidyMediaDue.ts'
import { openFileStorage } from '../../src/storage/file.ts'
import { until } from '../crash/processes.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { filesIn } from '../support/media.ts'
import { between, form, PRELOAD, random, readyIn, report, wholeBetween } from './form.ts'

const KILLS = form(3, 50)
const CLIENTS = 4
const HOUR_MS = 3_600_000
/** Half of the kills fall between a key and its row; the others come when they come. */
const POINTS = [
  'before:insert-media-garbage',
  'after:insert-media-garbage',
  'before:insert-media',
  'before:commit.insert-media',
  'after:commit.insert-media',
]

let world: World
let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  world = await openWorld({ settings: { DATABASE_URL: database.url }, preload: PRELOAD })
}, 120_000)
afterAll(async () => {
  await world?.close()
  await database?.drop()
}, 60_000)

interface Upload {
  id: string
  sha256: string
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function upload(instanceId: string): Promise<Upload | null> {
  const bytes = randomBytes(wholeBetween(1, 1_500_000))
  const form = new FormData()
  form.append('file', new Blob([bytes]), 'noise.bin')
  const response = await world.request('POST', `/instances/${instanceId}/media`, { body: form }).catch(() => null)
  if (response?.status !== 201) return null
  const body = (await response.json().catch(() => null)) as { id: string } | null
  return body && { id: body.id, sha256: sha256(bytes) }
}

async function kill(accepted: Upload[]): Promise<void> {
  const { server } = world
  const wanted = accepted.length + 3
  await until(() => accepted.length >= wanted, 'files are accepted', 60_000)
  if (random() < 0.5) {
    await server.arm(`${POINTS[wholeBetween(0, POINTS.length - 1)]}:${wholeBetween(1, 3)}`)
    await server.ended(60_000)
  } else await sleep(between(0, 300))
  await server.kill()
  await server.start()
}

async function lostOf(instanceId: string, accepted: Upload[]): Promise<string[]> {
  const lost: string[] = []
  for (const { id, sha256: wanted } of accepted) {
    const response = await world.request('GET', `/instances/${instanceId}/media/${id}/content`)
    if (sha256(new Uint8Array(await response.arrayBuffer())) !== wanted) lost.push(id)
  }
  return lost
}

/** Where rows and files do not agree, now and once the clock has swept. */
async function disagreements(): Promise<{ fileless: string[]; rowless: string[]; swept: number }> {
  const folder = join(world.server.dataDir, 'media')
  const names = async () => (await filesIn(folder)).map(path => relative(folder, path))
  return world.withDatabase(async ({ sql }) => {
    const rows = await sql.query<{ key: string; bytes: number }>(
      'select storage_key as key, size_bytes::float8 as bytes from media where storage_key is not null',
    )
    const sizes = await Promise.all(
      rows.map(({ key }) =>
        stat(join(folder, key)).then(
          facts => facts.size,
          () => -1,
        ),
      ),
    )
    const before = await names()
    const ahead = Date.now() + HOUR_MS
    const clock = { now: () => new Date(ahead), nowMs: () => ahead }
    await tidyMediaDue({ clock, db: { sql }, storage: openFileStorage(folder) } as unknown as App)
    const after = await names()
    const owned = new Set(rows.map(row => row.key))
    return {
      fileless: rows.filter((row, i) => sizes[i] !== row.bytes || !after.includes(row.key)).map(row => row.key),
      rowless: after.filter(name => !owned.has(name)),
      swept: before.length - after.length,
    }
  })
}

it(
  `M5: ${KILLS} kills during uploads: no row lacks its file, no file lacks its row once the clock has swept, none accepted is lost`,
  async () => {
    const { id: instanceId } = (await world.call<{ id: string }>('POST', '/instances', { name: 'files' })).body
    const accepted: Upload[] = []
    let isOver = false
    const client = async () => {
      while (!isOver) {
        while (!world.server.isUp && !isOver) await sleep(20)
        const one = await upload(instanceId)
        if (one) accepted.push(one)
      }
    }
    const clients = Promise.all(Array.from({ length: CLIENTS }, client))
    try {
      for (let i = 0; i < KILLS; i++) await kill(accepted)
    } finally {
      isOver = true
      await clients
    }
    const lost = await lostOf(instanceId, accepted)
    const { fileless, rowless, swept } = await disagreements()
    const spooled = await filesIn(join(world.server.dataDir, 'spool'))
    report('uploads.test.ts', 'M5', {
      kills: KILLS,
      uploads: accepted.length,
      lost: lost.length,
      'rows without file': fileless.length,
      'files without row': rowless.length,
      swept,
      ready: readyIn(world.server.readyMs),
    })
    expect({ lost, fileless, rowless, spooled }).toEqual({ lost: [], fileless: [], rowless: [], spooled: [] })
  },
  180_000 + KILLS * 20_000,
)
