import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newDeviceKeys, SignalDevice } from './signal-device.ts'
import { SignalKeys } from './signal-keys.ts'
import { Store } from './store.ts'

const ALICE = '900000000000001@lid'
const BOB = '900000000000002@lid'
let directory: string
let store: Store
let alice: SignalDevice
let bob: SignalDevice

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'signal-'))
  store = new Store(join(directory, 'test.db'))
  const keys = new SignalKeys(store)
  alice = new SignalDevice('1', newDeviceKeys(), keys)
  bob = new SignalDevice('2', newDeviceKeys(), keys)
  // libsignal prints whole sessions
  console.info = console.warn = console.error = () => {}
})
afterAll(() => {
  store.close()
  rmSync(directory, { recursive: true })
})

const fromAlice = (text: string) => alice.encrypt(BOB, { conversation: text })
const fromBob = (text: string) => bob.encrypt(ALICE, { conversation: text })
type Sealed = Awaited<ReturnType<typeof fromAlice>>
const atBob = async ({ type, ciphertext }: Sealed) => (await bob.decrypt(ALICE, type, ciphertext)).conversation
const atAlice = async ({ type, ciphertext }: Sealed) => (await alice.decrypt(BOB, type, ciphertext)).conversation

test('a late message of a replaced session is read, and does not break the session that replaced it', async () => {
  await alice.startSession(BOB, await bob.takeBundle())
  expect(await atBob(await fromAlice('first'))).toBe('first')
  expect(await atAlice(await fromBob('answer'))).toBe('answer')
  const late = await fromAlice('late') // a new ratchet key in the old session
  await bob.startSession(ALICE, await alice.takeBundle())
  expect(await atAlice(await fromBob('anew'))).toBe('anew')
  expect(await atBob(await fromAlice('in the new one'))).toBe('in the new one')
  expect(await atBob(late)).toBe('late')
  expect(await atBob(await fromAlice('still in the new one'))).toBe('still in the new one')
  expect(await atAlice(await fromBob('and back'))).toBe('and back')
})

test('a session record stays small over many changes of direction', async () => {
  for (let i = 0; i < 150; i++) {
    await atBob(await fromAlice('ping'))
    await atAlice(await fromBob('pong'))
  }
  await store.stored()
  const sizes = store.scan('session').map(([, record]) => String(record).length)
  expect(Math.max(...sizes)).toBeLessThan(12_000)
})

test('a bundle whose prekey was signed by another identity starts no session', async () => {
  const bundle = await bob.takeBundle()
  const forged = { ...bundle, identity: newDeviceKeys().identity.public }
  await expect(alice.startSession('900000000000003@lid', forged)).rejects.toThrow(/not signed/)
})

test('a message that was tampered with is refused, and the session goes on', async () => {
  const { type, ciphertext } = await fromAlice('whole')
  const broken = Buffer.from(ciphertext)
  broken[broken.length - 1]! ^= 1
  await expect(bob.decrypt(ALICE, type, broken)).rejects.toThrow()
  expect(await atBob({ type, ciphertext })).toBe('whole')
})
