import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint, type Chat, judge, PERFECT, type Sent } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { booksOf } from './books.ts'
import { form, report } from './form.ts'
import { type Disk, mountDisk } from './tmpfs.ts'

const DISK_MB = 400
const FULL_MS = form(4_000, 20_000)
const BACK_WITHIN_MS = 60_000
const CONTACT = '5511988880001'

let disk: Disk
let world: World
beforeAll(async () => {
  world = await openWorld({
    prepare: async dir => {
      disk = await mountDisk(join(dir, 'data'), DISK_MB)
      return () => disk.close()
    },
  })
}, 120_000)
afterAll(() => world?.close(), 60_000)

/** Long, so that what the database has set aside does not last. */
const LONG_TEXT = 'x'.repeat(20_000)

it(`D10: the disk of the embedded database is full for ${FULL_MS / 1000} s: errors have their shape, nothing is lost, no restart`, async () => {
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
  expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [] })
  expect(world.server.isUp && world.server.pid === pid, 'the process survived').toBe(true)
}, 300_000)
