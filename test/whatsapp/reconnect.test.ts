import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { TIMINGS } from '../../src/whatsapp/socket.ts'
import type { MemoryVault } from './memory-vault.ts'
import { openRig, type Rig, texts, until } from './rig.ts'

let rig: Rig<MemoryVault>
afterEach(() => rig?.close())

const BOB = '5511988880004'
const states = () => rig.heard('a').states.map(s => s.state)
const last = () => rig.heard('a').states.at(-1)!
const reach = (state: string, timeoutMs?: number) => until(() => last()?.state === state, state, timeoutMs)

async function linked(setup: Parameters<typeof openRig>[0] = {}): Promise<void> {
  rig = (await openRig({ options: { steadyMs: 0 }, ...setup })) as Rig<MemoryVault>
  await rig.link('a')
  rig.heard('a').states.length = 0
}

const keepsCredentials = () => {
  expect(rig.vault.wipes).toBe(0)
  expect(rig.vault.kept.get('a')?.credentials).toBeTruthy()
}

test('a cut connection comes back by itself, with the reason told meanwhile', async () => {
  await linked()
  rig.cable.cut()
  await until(() => states().length === 2, 'the reconnect')
  expect(rig.heard('a').states).toMatchObject([
    { state: 'reconnecting', linked: true, lastError: expect.stringMatching(/closed/) },
    { state: 'connected', lastError: null },
  ])
  keepsCredentials()
})

test.each([500, 503, 408])('%i ordered by the server is tried again, and erases nothing', async code => {
  await linked()
  await rig.sandbox.control.fault('a', { kind: 'stream_error', code })
  await until(() => states().includes('reconnecting') && last().state === 'connected', 'the reconnect')
  keepsCredentials()
})

test('515 restarts at once', async () => {
  await linked()
  await rig.sandbox.control.fault('a', { kind: 'stream_error', code: 515 })
  await until(() => states().includes('reconnecting') && last().state === 'connected', 'the restart')
  // A retry after a pause would have a reason to tell.
  expect(rig.heard('a').states.every(s => s.lastError === null)).toBe(true)
  keepsCredentials()
})

test('440 stops, says why, and makes no new socket', async () => {
  await linked()
  await rig.sandbox.control.fault('a', { kind: 'stream_error', code: 440 })
  await reach('disconnected')
  expect(last().lastError).toMatch(/Another client/)
  const dials = rig.cable.dials
  await sleep(1200)
  expect(rig.cable.dials).toBe(dials)
  keepsCredentials()
  rig.start('a')
  await reach('connected')
})

test('a logout on the phone tells what was received, erases the credentials once, and ends', async () => {
  await linked()
  const held = Promise.withResolvers<void>()
  rig.onMessage = () => held.promise
  await rig.say('a', BOB, 'before the logout')
  const waiting = () =>
    [...rig.vault.kept.get('a')!.inbox.values()].some(row => !row.settled && row.stanza.category !== 'peer')
  await until(waiting, 'the message in the inbox')
  await rig.sandbox.control.fault('a', { kind: 'logout' })
  await until(() => rig.cable.live === 0, 'the end of the socket')
  held.resolve()
  await reach('logged_out')
  expect(texts(rig.heard('a'))).toEqual(['before the logout'])
  expect(last()).toMatchObject({ linked: false, lastError: expect.stringMatching(/logged this device out/) })
  expect(rig.vault.wipes).toBe(1)
  expect(rig.vault.kept.has('a')).toBe(false)
  await rig.link('a')
  expect(rig.vault.wipes).toBe(1)
})

test.each([403, 405])('a login refused with %i is an error that is not tried again', async code => {
  await linked()
  rig.sandbox.simulator.faults.loginFailure = code
  rig.cable.cut()
  await reach('error')
  expect(last().lastError).toMatch(/WhatsApp/)
  const dials = rig.cable.dials
  await sleep(1200)
  expect(rig.cable.dials).toBe(dials)
  keepsCredentials()
  rig.sandbox.simulator.faults.loginFailure = null
  rig.start('a')
  await reach('connected')
})

test('without auto_reconnect a drop ends disconnected', async () => {
  await linked()
  rig.whatsapp.configure('a', { autoReconnect: false })
  rig.cable.cut()
  await reach('disconnected')
  expect(last().lastError).toMatch(/closed/)
  expect(rig.cable.live).toBe(0)
})

test('a refused upgrade is noticed at once, and left behind when it is over', async () => {
  await linked()
  rig.cable.refuse(503)
  rig.cable.cut()
  await until(() => last()?.lastError?.includes('refused') ?? false, 'the refusal')
  expect(last().state).toBe('reconnecting')
  rig.cable.refuse(null)
  await reach('connected')
  keepsCredentials()
})

test('a refusal of the upgrade with HTTP 401 is no logout', async () => {
  await linked()
  rig.cable.refuse(401)
  rig.cable.cut()
  await until(() => last()?.lastError?.includes('refused') ?? false, 'the refusal')
  keepsCredentials()
})

test('a server that accepts and says nothing is given up', async () => {
  await linked({ options: { steadyMs: 0, loginTimeoutMs: 1000 } })
  rig.cable.mute(true)
  rig.cable.cut()
  await until(() => last()?.lastError?.includes('did not answer') ?? false, 'the watchdog')
  rig.cable.mute(false)
  await reach('connected')
})

test('a half-open connection leaves connected, and within 60 s with the timings of production', async () => {
  // Seen at the second tick after the last answer at the latest; Baileys grants 5 s on top, the cut takes 0.5 s.
  expect(2 * TIMINGS.keepAliveIntervalMs + 5000 + 500).toBeLessThan(60_000)
  await linked({ options: { steadyMs: 0, keepAliveIntervalMs: 500 } })
  rig.cable.freeze()
  await reach('reconnecting', 8000)
  // Nobody answers the close of a WebSocket any more: the connection is cut all the same, before the next is made.
  await until(() => rig.cable.live === 0, 'the end of the old connection', 450)
  rig.cable.thaw()
  await reach('connected')
})

test('instances that the server refuses try at most every other second, and not in step', async () => {
  rig = await openRig({ options: { steadyMs: 0 } })
  const names = Array.from({ length: 8 }, (_, i) => `storm${i}`)
  await Promise.all(names.map(name => rig.link(name)))
  rig.sandbox.simulator.faults.loginFailure = 503
  rig.cable.cut()
  const before = rig.cable.dials
  await sleep(3000)
  // After the cut: at 0.5-1 s, and 1-2 s later; the third comes 2 s after that at the earliest.
  expect(rig.cable.dials - before).toBeLessThanOrEqual(2 * names.length)
  rig.sandbox.simulator.faults.loginFailure = null
  await until(() => names.every(name => rig.state(name) === 'connected'), 'all of them back')
  expect(rig.vault.wipes).toBe(0)
}, 30_000)

test('messages are told though the server never says that the backlog is over', async () => {
  await linked({ sandbox: { noOffline: true } })
  await rig.say('a', BOB, 'live')
  await until(() => texts(rig.heard('a')).includes('live'), 'the message', 2000)
  await rig.whatsapp.close()
  await rig.say('a', BOB, 'kept')
  rig.restart()
  rig.start('a')
  await until(() => texts(rig.heard('a')).includes('kept'), 'the backlog', 5000)
})
