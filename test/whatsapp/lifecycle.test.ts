import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { PairingUnavailable } from '../../src/whatsapp/manager.ts'
import type { MemoryVault } from './memory-vault.ts'
import { openRig, type Rig, until } from './rig.ts'

let rig: Rig<MemoryVault>
afterEach(() => rig?.close())

const last = (id = 'a') => rig.heard(id).states.at(-1)
const noSocketLeft = () => until(() => rig.cable.live === 0, 'the end of all sockets', 3000)

test('a hundred starts at once make one socket and one code', async () => {
  rig = await openRig()
  for (let i = 0; i < 100; i++) rig.start('a')
  await until(() => rig.heard('a').qrs.length > 0, 'the code')
  await sleep(200)
  expect(rig.cable.dials).toBe(1)
  expect(rig.heard('a').qrs).toHaveLength(1)
  expect(rig.heard('a').qrs[0]!.expiresAt.getTime() - Date.now()).toBeGreaterThan(55_000)
})

test('stop in the middle of connecting leaves no socket, and disconnected is the last word', async () => {
  rig = await openRig()
  rig.cable.mute(true)
  rig.start('a')
  await until(() => rig.cable.live === 1, 'the socket')
  await rig.whatsapp.stop('a')
  expect(last()).toMatchObject({ state: 'disconnected', linked: false, lastError: null })
  await noSocketLeft()
})

test('stop during the pause before the next try ends the pause', async () => {
  rig = await openRig()
  await rig.link('a')
  rig.cable.refuse(503)
  rig.cable.cut()
  // The pause after the third failure takes 2 s at least.
  await until(() => rig.cable.dials >= 4, 'a longer pause')
  await until(() => rig.cable.live === 0, 'the pause itself')
  const startMs = performance.now()
  await rig.whatsapp.stop('a')
  expect(performance.now() - startMs).toBeLessThan(1000)
  const { dials } = rig.cable
  await sleep(1500)
  expect(rig.cable.dials).toBe(dials)
  expect(last()).toMatchObject({ state: 'disconnected', linked: true })
})

test('stop of an instance that does not run tells disconnected, with what the vault knows', async () => {
  rig = await openRig()
  await rig.link('a')
  await rig.whatsapp.close()
  rig.restart()
  await rig.whatsapp.stop('a')
  await rig.whatsapp.stop('never seen')
  expect(last()).toMatchObject({ state: 'disconnected', linked: true, phoneNumber: expect.stringMatching(/^\+\d+$/) })
  expect(last('never seen')).toMatchObject({ state: 'disconnected', linked: false, phoneNumber: null })
})

test('start right after stop waits for the old socket and connects without a code', async () => {
  rig = await openRig()
  await rig.link('a')
  const stopped = rig.whatsapp.stop('a')
  rig.start('a')
  await stopped
  await until(() => last()?.state === 'connected', 'the new connection')
  expect(
    rig
      .heard('a')
      .states.map(s => s.state)
      .slice(-3),
  ).toEqual(['disconnected', 'reconnecting', 'connected'])
  expect(rig.cable.live).toBe(1)
  expect(rig.heard('a').qrs).toHaveLength(1)
})

test('unlink removes the device on the phone, wipes the vault, tells nothing', async () => {
  rig = await openRig()
  await rig.link('a')
  const { simulator } = rig.sandbox
  const person = simulator.person(last()!.phoneNumber!.slice(1))
  expect(person.companions.size).toBe(1)
  const told = rig.heard('a').states.length
  await rig.whatsapp.unlink('a')
  await until(() => person.companions.size === 0, 'the removal of the device')
  expect(rig.vault.kept.has('a')).toBe(false)
  expect(rig.heard('a').states).toHaveLength(told)
  await noSocketLeft()
})

test('unlink of what cannot be reached takes 5 s at most', async () => {
  rig = await openRig()
  await rig.link('a')
  rig.cable.mute(true)
  rig.cable.cut()
  await until(() => last()?.state === 'reconnecting', 'the loss')
  const startMs = performance.now()
  await rig.whatsapp.unlink('a')
  expect(performance.now() - startMs).toBeLessThan(6500)
  expect(rig.vault.kept.has('a')).toBe(false)
  await noSocketLeft()
})

test('starts, stops and unlinks in any order leave no socket, no row and no further try', async () => {
  rig = await openRig()
  const calls = Array.from({ length: 150 }, async () => {
    await sleep(Math.random() * 1500)
    const chance = Math.random()
    if (chance < 0.5) rig.start('a')
    else if (chance < 0.8) await rig.whatsapp.stop('a')
    else await rig.whatsapp.unlink('a')
  })
  await Promise.all(calls)
  await rig.whatsapp.unlink('a')
  // A connection that was given up at once may still be accepted by the far end.
  await sleep(300)
  await noSocketLeft()
  const { dials } = rig.cable
  await sleep(1200)
  expect(rig.cable.dials).toBe(dials)
  expect(rig.cable.live).toBe(0)
  expect(rig.vault.kept.get('a')?.credentials ?? null).toBe(null)
  expect(rig.errors).toEqual([])
}, 30_000)

test('a phone can be linked by typing a code, and there is no code when nothing is being linked', async () => {
  rig = await openRig()
  await expect(rig.whatsapp.pairingCode('a', '+5511900010077')).rejects.toBeInstanceOf(PairingUnavailable)
  rig.start('a')
  const code = await rig.whatsapp.pairingCode('a', '+55 11 90001-0077')
  expect(code).toMatch(/^[0-9A-Z]{8}$/)
  await rig.sandbox.control.enterCode('a', { code, phoneNumber: '5511900010077' })
  await until(() => last()?.state === 'connected', 'the connection')
  expect(last()!.phoneNumber).toBe('+5511900010077')
  await expect(rig.whatsapp.pairingCode('a', '+5511900010077')).rejects.toBeInstanceOf(PairingUnavailable)
})

test('many instances start at once: a bounded number log in at a time, and all arrive', async () => {
  rig = await openRig({ options: { maxLogins: 2 } })
  const names = Array.from({ length: 10 }, (_, i) => `many${i}`)
  for (const name of names) rig.start(name)
  await until(() => names.every(name => rig.heard(name).qrs.length === 1), 'a code for each')
})

test('close keeps what was written, ends all sockets and starts nothing more', async () => {
  rig = await openRig()
  await rig.link('a')
  const told = rig.heard('a').states.length
  const { commits } = rig.vault
  await rig.whatsapp.close()
  await noSocketLeft()
  rig.start('a')
  await sleep(200)
  expect(rig.cable.live).toBe(0)
  expect(rig.heard('a').states).toHaveLength(told)
  expect(rig.vault.commits).toBeGreaterThanOrEqual(commits)
  expect(await rig.send('a', '5511988880005', 'too late')).toMatchObject({ kind: 'not_connected' })
})

test('a state that the house could not take is told again', async () => {
  rig = await openRig()
  let refusals = 2
  rig.onConnection = news => {
    if (news.state === 'connected' && refusals-- > 0) throw new Error('the database is away')
  }
  await rig.link('a')
  expect(refusals).toBe(-1)
})
