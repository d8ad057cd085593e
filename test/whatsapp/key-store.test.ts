import { initAuthCreds } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { KeyStore } from '../../src/whatsapp/key-store.ts'
import { type MemoryVault, memoryVault } from './memory-vault.ts'
import { until } from './rig.ts'

interface Opened {
  vault: MemoryVault
  keys: KeyStore
  order: string[]
}

function open(latencyMs: [number, number] = [1, 3]): Opened {
  const vault = memoryVault(latencyMs)
  const order: string[] = []
  const keys = new KeyStore({
    instanceId: 'a',
    vault,
    creds: initAuthCreds(),
    epoch: () => 1,
    lingerMs: 1,
    onFailure: () => order.push('failure'),
    onInbox: () => order.push('inbox'),
  })
  return { vault, keys, order }
}

const count = async (keys: KeyStore, id = 'x') => Number((await keys.stepKeys.get('lid-mapping', [id]))[id] ?? 0)
const increment = (keys: KeyStore) =>
  keys.step(async () => keys.stepKeys.set({ 'lid-mapping': { x: String((await count(keys)) + 1) } }))

test('steps run one at a time, and each sees what the one before it wrote', async () => {
  const { keys, vault } = open()
  await Promise.all(Array.from({ length: 50 }, () => increment(keys)))
  expect(await keys.step(() => count(keys))).toBe(50)
  expect(Buffer.from(vault.kept.get('a')!.keys.get('lid-mapping:x')!).toString()).toContain('"50"')
})

test('a step that throws leaves nothing behind', async () => {
  const { keys, vault } = open()
  await increment(keys)
  const failed = keys.step(async step => {
    await keys.stepKeys.set({ 'lid-mapping': { x: '99' } })
    step.remember({ hash: Buffer.from('h'), stanza: {}, plain: Buffer.from('p') })
    throw new Error('bad mac')
  })
  await expect(failed).rejects.toThrow('bad mac')
  expect(await keys.step(() => count(keys))).toBe(1)
  expect(vault.kept.get('a')!.inbox.size).toBe(0)
})

test('a step ends when its writes are durable, the plaintext with the ratchet', async () => {
  const { keys, vault, order } = open([5, 8])
  await keys.step(async step => {
    await keys.stepKeys.set({ 'lid-mapping': { x: '1' } })
    step.remember({ hash: Buffer.from('h'), stanza: { id: '1' }, plain: Buffer.from('p') })
  })
  expect(vault.kept.get('a')!.keys.size).toBe(1)
  expect(vault.kept.get('a')!.inbox.size).toBe(1)
  expect(vault.commits).toBe(1)
  expect(order).toEqual(['inbox'])
  expect(await keys.plainOf(Buffer.from('h'))).toEqual(Buffer.from('p'))
})

test('what is written close together goes out in one commit', async () => {
  const { keys, vault } = open()
  await increment(keys)
  await Promise.all([
    increment(keys),
    increment(keys),
    keys.saveCredentials(),
    keys.socketKeys.set({ 'device-list': { y: ['0'] } }),
  ])
  expect(vault.commits).toBe(2)
  expect(vault.kept.get('a')!.credentials).not.toBeNull()
})

test('a deletion that Baileys makes waits for the step under way', async () => {
  const { keys } = open()
  await increment(keys)
  const inside = Promise.withResolvers<void>()
  const step = keys.step(async () => {
    const before = await count(keys)
    await inside.promise
    await keys.stepKeys.set({ 'lid-mapping': { x: String(before + 1) } })
  })
  const deletion = keys.socketKeys.set({ 'lid-mapping': { x: null } })
  inside.resolve()
  await Promise.all([step, deletion])
  expect(await keys.socketKeys.get('lid-mapping', ['x'])).toEqual({})
})

test('after a batch that failed nothing is read or written any more, and the owner knows before those who wait', async () => {
  const { keys, vault, order } = open()
  await increment(keys)
  vault.dead = true
  const first = increment(keys).catch(() => order.push('first'))
  const second = new Promise(resolve => setTimeout(resolve, 2))
    .then(() => increment(keys))
    .catch(() => order.push('second'))
  await Promise.all([first, second])
  vault.dead = false
  expect(order[0]).toBe('failure')
  expect(keys.failed).toBe(true)
  await expect(increment(keys)).rejects.toThrow(/failed/)
  await expect(keys.socketKeys.get('lid-mapping', ['x'])).rejects.toThrow(/failed/)
  expect(vault.commits).toBe(1)
})

test('a read that fails is the end of the store, which its owner knows before the reader', async () => {
  const fails = () => Promise.reject(new Error('no database'))
  const ways: ((opened: Opened) => Promise<unknown>)[] = [
    ({ vault, keys }) => Object.assign(vault, { read: fails }) && count(keys),
    ({ vault, keys }) => Object.assign(vault, { inboxPlain: fails }) && keys.plainOf(Buffer.alloc(32)),
  ]
  for (const way of ways) {
    const opened = open()
    await way(opened).catch(() => opened.order.push('reader'))
    expect(opened.order).toEqual(['failure', 'reader'])
    expect(opened.keys.failed).toBe(true)
  }
})

test('what is known, also that there is nothing, is not asked for again', async () => {
  const { keys, vault } = open()
  await increment(keys)
  const read = vault.read
  let reads = 0
  vault.read = (...args) => {
    reads++
    return read(...args)
  }
  for (let i = 0; i < 5; i++) await keys.socketKeys.get('lid-mapping', ['x', 'absent'])
  expect(reads).toBe(1)
})

test('what is not durable yet is never forgotten, however much is written', async () => {
  const { keys, vault } = open()
  const hold = Promise.withResolvers<void>()
  vault.beforeCommit = () => hold.promise
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`k${i}`, String(i)]))
  const written = keys.socketKeys.set({ 'lid-mapping': many })
  await until(async () => (await keys.socketKeys.get('lid-mapping', ['k0'])).k0 === '0', 'the first of them')
  hold.resolve()
  await written
  expect(vault.kept.get('a')!.keys.size).toBe(5000)
  expect(await keys.socketKeys.get('lid-mapping', ['k0'])).toEqual({ k0: '0' })
})
