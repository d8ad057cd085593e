import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { LEASE_LOST } from '../../src/whatsapp/whatsapp.ts'
import { type MemoryVault, memoryVault } from './memory-vault.ts'
import { openRig, type Rig, until } from './rig.ts'

let rig: Rig<MemoryVault>
afterEach(() => rig?.close())

const BOB = '5511988880051'
const lost = () => Object.assign(new Error('another session has the lease'), { name: LEASE_LOST })

async function linked(): Promise<void> {
  rig = (await openRig({ vault: memoryVault([1, 3]), options: { steadyMs: 0 } })) as Rig<MemoryVault>
  await rig.link('a')
  await rig.send('a', BOB, 'hello')
  await rig.say('a', BOB, 'hello')
  await until(() => rig.heard('a').messages.length === 1, 'the first message')
}

/** Neither a word nor another socket, for longer than a retry takes. */
async function staysQuiet(): Promise<void> {
  await until(() => rig.cable.live === 0, 'the end of the socket')
  const told = rig.heard('a').states.length
  const { dials } = rig.cable
  await sleep(1500)
  expect(rig.heard('a').states.length).toBe(told)
  expect(rig.cable.dials).toBe(dials)
}

test('a session whose lease is taken over ends without a word, and nothing of it goes out', async () => {
  await linked()
  rig.vault.epoch = 2
  const told = rig.heard('a').states.length
  const stanzas: string[] = []
  rig.sandbox.simulator.events.on('clientMessage', (_, { attrs }) => stanzas.push(attrs.id ?? ''))
  expect(await rig.send('a', BOB, 'too late')).not.toMatchObject({ kind: 'written' })
  await staysQuiet()
  expect(rig.heard('a').states.length).toBe(told)
  expect(stanzas).toEqual([])
  // Who took it over goes on where it stopped.
  rig.epoch = 2
  rig.start('a')
  await until(() => rig.heard('a').states.at(-1)?.epoch === 2 && rig.state('a') === 'connected', 'the new session')
  await rig.send('a', BOB, 'from the new one')
  await until(async () => (await rig.shown('a', BOB)).includes('from the new one'), 'its message')
})

test('news of a state that are refused for the lease end the session too', async () => {
  await linked()
  rig.onConnection = () => {
    throw lost()
  }
  rig.cable.cut()
  await staysQuiet()
})

test('a logout that a session without its lease sees erases nothing, and is not told', async () => {
  await linked()
  rig.vault.epoch = 2
  await rig.sandbox.control.fault('a', { kind: 'logout' })
  await staysQuiet()
  expect(rig.state('a')).toBe('connected')
  // Not tried again and again: that is an answer, not a failure.
  expect(rig.errors).toEqual([])
  expect(rig.vault.wipes).toBe(0)
  expect(rig.vault.kept.get('a')?.credentials).toBeTruthy()
})

test('a process that may not write any more writes nothing, whoever asks for it: its wire is cut', async () => {
  await linked()
  const stanzas: string[] = []
  rig.sandbox.simulator.trace = (from, { tag }) => {
    if (from === 'client') stanzas.push(tag)
  }
  // What was written while it might be is read by the network a little later.
  for (let seen = -1; seen !== stanzas.length; await new Promise(resolve => setTimeout(resolve, 500))) {
    seen = stanzas.length
  }
  stanzas.length = 0
  rig.mayWrite = false
  expect(await rig.send('a', BOB, 'too late')).not.toMatchObject({ kind: 'written' })
  await until(() => rig.cable.live === 0, 'the end of the wire')
  // Its receipt would be Baileys' own doing, and so would be what is said on a new socket.
  await rig.say('a', BOB, 'anybody there?')
  const { dials } = rig.cable
  await until(() => rig.cable.dials > dials, 'another socket')
  await until(() => rig.cable.live === 0, 'the end of that, too')
  expect(stanzas).toEqual([])
  rig.mayWrite = true
  await until(() => rig.heard('a').messages.length === 2, 'what was said meanwhile')
})

test('a deletion needs no lease', async () => {
  await linked()
  rig.vault.epoch = 2
  await rig.whatsapp.unlink('a')
  expect(rig.vault.kept.has('a')).toBe(false)
})

test('the epoch of a running session follows the lease that a second start took', async () => {
  await linked()
  rig.epoch = 5
  rig.vault.epoch = 5
  rig.start('a')
  expect(await rig.send('a', BOB, 'under the new lease')).toMatchObject({ kind: 'written' })
  expect(rig.state('a')).toBe('connected')
})
