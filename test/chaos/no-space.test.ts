import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint, type Chat, judge, PERFECT, type Sent } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { booksOf } from './books.ts'
import { form, report } from './form.ts'
import { type Disk, mountDisk } from './tmpfs.ts'

const DATABASE_MB = 400
const MEDIA_MB = 24
const FULL_MS = form(2_000, 20_000)
const BACK_WITHIN_MS = 60_000
const CONTACT = '5511988880001'

let world: World | undefined
let database: TestDatabase | undefined
afterEach(async () => {
  await world?.close()
  await database?.drop()
  world = database = undefined
}, 60_000)

/** DATA_DIR is a disk of this size. */
async function openOn(sizeMb: number, settings?: Record<string, string>): Promise<{ world: World; disk: Disk }> {
  let disk: Disk
  const prepare = async (dir: string) => {
    disk = await mountDisk(join(dir, 'data'), sizeMb)
    return () => disk.close()
  }
  world = await openWorld({ prepare, settings })
  return { world, disk: disk! }
}

/** Long, so that what the database has set aside does not last. */
const LONG_TEXT = 'x'.repeat(20_000)

it(`D10: the disk of the embedded database is full for ${FULL_MS / 1000} s: errors have their shape, nothing is lost, no restart`, async () => {
  const { world, disk } = await openOn(DATABASE_MB)
  const instanceId = await world.link('full')
  await acquaint(world, instanceId, CONTACT)
  const { pid } = world.server
  const chat: Chat = { contact: CONTACT, said: [], sent: [] }
  const statuses: number[] = []
  const misshapen: unknown[] = []
  const send = async () => {
    const text = `${chat.sent.length} ${LONG_TEXT}`
    const sent: Sent = { text, startedMs: performance.now(), endedMs: Number.POSITIVE_INFINITY, id: null }
    chat.sent.push(sent)
    const answer = await world.send(instanceId, CONTACT, text).catch(() => null)
    sent.endedMs = performance.now()
    statuses.push(answer?.status ?? 0)
    if (answer?.status === 202) sent.id = answer.body.id
    else if (!(answer?.body as { error?: { code?: string } } | undefined)?.error?.code) misshapen.push(answer)
  }
  for (let i = 0; i < 5; i++) await send()
  await disk.fill()
  const fullMs = performance.now()
  const refused = () => statuses.filter(status => status >= 500).length
  while (performance.now() - fullMs < FULL_MS || (refused() === 0 && performance.now() - fullMs < 60_000)) {
    await Promise.all(Array.from({ length: 4 }, send))
    await sleep(50)
  }
  await disk.clear()
  const clearedMs = performance.now()
  const back = async () => {
    await send()
    return statuses.at(-1) === 202
  }
  await until(back, 'the service is back', BACK_WITHIN_MS)
  const backMs = Math.round(performance.now() - clearedMs)
  await until(async () => (await judge(world, instanceId, [chat])).lost.length === 0, 'all arrived', 60_000).catch(
    () => {},
  )
  const verdict = await judge(world, instanceId, [chat])
  const books = await booksOf(world)
  report('no-space.test.ts', 'D10', {
    messages: chat.sent.filter(sent => sent.id !== null).length,
    refused: refused(),
    lost: verdict.lost.length,
    doubled: verdict.doubled.length,
    back: `${backMs} ms after`,
  })
  expect(misshapen).toEqual([])
  expect(refused()).toBeGreaterThan(0)
  expect(verdict).toEqual(PERFECT)
  expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [], rollups: [] })
  expect(world.server.isUp && world.server.pid === pid, 'the process survived').toBe(true)
}, 300_000)

it('D10: the disk of the media is full: uploads are refused in shape, texts go on, what was accepted is there, no restart', async () => {
  database = await testDatabase()
  const { world, disk } = await openOn(MEDIA_MB, { DATABASE_URL: database.url })
  const instanceId = await world.link('full')
  await acquaint(world, instanceId, CONTACT)
  const { pid } = world.server
  const accepted: { id: string; bytes: Buffer }[] = []
  const upload = async (sizeBytes: number): Promise<{ status: number; code?: string }> => {
    const bytes = randomBytes(sizeBytes)
    const form = new FormData()
    form.append('file', new Blob([bytes]), 'noise.bin')
    const response = await world.request('POST', `/instances/${instanceId}/media`, { body: form })
    const body = (await response.json()) as { id: string; error?: { code: string } }
    if (response.status === 201) accepted.push({ id: body.id, bytes })
    return { status: response.status, code: body.error?.code }
  }
  const refused: Awaited<ReturnType<typeof upload>>[] = []
  // First it fills up by itself, then not a byte is left.
  for (let i = 0; i < 40 && refused.length === 0; i++) {
    const answer = await upload(1_000_000)
    if (answer.status !== 201) refused.push(answer)
  }
  await disk.fill()
  for (const sizeBytes of [1, 5_000, 500_000]) refused.push(await upload(sizeBytes))
  const sent = await world.send(instanceId, CONTACT, 'meanwhile')
  await disk.clear()
  const last = await upload(100_000)
  const lost: string[] = []
  for (const { id, bytes } of accepted) {
    const response = await world.request('GET', `/instances/${instanceId}/media/${id}/content`)
    if (!Buffer.from(await response.arrayBuffer()).equals(bytes)) lost.push(id)
  }
  report('no-space.test.ts', 'D10 media', { uploads: accepted.length, refused: refused.length, lost: lost.length })
  expect(refused).toEqual(refused.map(() => ({ status: 503, code: 'unavailable' })))
  expect(refused.length).toBeGreaterThan(2)
  expect(sent.status).toBe(202)
  expect(last.status).toBe(201)
  expect(lost).toEqual([])
  expect(world.server.isUp && world.server.pid === pid, 'the process survived').toBe(true)
}, 180_000)
