import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Store } from './store.ts'

let directory: string
let store: Store
const path = () => join(directory, 'test.db')

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'))
  store = new Store(path())
})
afterEach(() => {
  store.close()
  rmSync(directory, { recursive: true })
})

const reopen = () => {
  store.close()
  store = new Store(path())
}

test('what was put is there at once, and after the store was closed and opened', () => {
  store.put('meta', 'a', 'text')
  store.put('meta', 'b', Buffer.from([1, 2]))
  expect(store.getText('meta', 'a')).toBe('text')
  reopen()
  expect(store.getText('meta', 'a')).toBe('text')
  expect(Buffer.from(store.get('meta', 'b') as Uint8Array)).toEqual(Buffer.from([1, 2]))
})

test('whenStored waits for the commit that holds what was put before, and keeps the order of its callers', async () => {
  const order: string[] = []
  store.whenStored(() => order.push('nothing to wait for'))
  store.put('meta', 'a', '1')
  store.whenStored(() => order.push(`first after ${store.commits}`))
  store.whenStored(() => order.push('second'))
  expect(order).toEqual(['nothing to wait for'])
  await store.stored()
  expect(order).toEqual(['nothing to wait for', 'first after 1', 'second'])
})

test('several changes between two commits are one, encoded once', async () => {
  let encodings = 0
  for (let i = 0; i < 10; i++) {
    store.put('session', 's', () => {
      encodings++
      return `v${i}`
    })
  }
  await store.stored()
  expect([store.commits, encodings]).toEqual([1, 1])
  expect(store.getText('session', 's')).toBe('v9')
})

test('a deleted row is gone, whether it was on disk or not', async () => {
  store.insert('queue', 'new', 'x')
  store.delete('queue', 'new')
  store.put('queue', 'old', 'x')
  await store.stored()
  store.delete('queue', 'old')
  expect(store.get('queue', 'old')).toBeUndefined()
  store.insert('queue', 'old', 'again')
  store.delete('queue', 'old')
  reopen()
  expect(store.scan('queue')).toEqual([])
})

test('a scan sees what is not committed yet, under its prefix only, in order', () => {
  for (const key of ['a|2', 'a|1', 'b|1', 'a|10']) store.put('shown', key, key)
  expect(store.scan('shown', 'a|').map(([key]) => key)).toEqual(['a|1', 'a|10', 'a|2'])
  expect(store.surplus('shown', 'a|', 1).map(([key]) => key)).toEqual(['a|10', 'a|1'])
})

test('a failed commit is told to whoever waits, and nothing is told as stored after it', async () => {
  let failure: Error | undefined
  store.onFailure = error => {
    failure = error
  }
  store.put('meta', 'a', () => {
    throw new Error('disk full')
  })
  await expect(store.stored()).rejects.toThrow('disk full')
  expect(failure?.message).toBe('disk full')
  await expect(store.stored()).rejects.toThrow('disk full')
})

test('a second process cannot open it', () => {
  expect(() => new Store(path())).toThrow(/another process has it/)
})
