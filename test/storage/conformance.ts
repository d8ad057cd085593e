import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Storage } from '../../src/storage/storage.ts'

/** What every storage promises, run on each of them. */
export interface Opened {
  storage: Storage
  /** Names of all that is kept, whole or not. */
  names(): Promise<string[]>
  close(): Promise<void>
}

const PNG = 'image/png'
const piece = (bytes: Buffer, options: { sizeBytes?: number } = {}) =>
  [Readable.from(cut(bytes)), { sizeBytes: options.sizeBytes ?? bytes.length, mimeType: PNG }] as const

function* cut(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

export function conforms(kind: string, open: () => Promise<Opened>): void {
  describe(`the ${kind} storage`, () => {
    let opened: Opened
    let storage: Storage
    beforeAll(async () => {
      opened = await open()
      storage = opened.storage
    }, 60_000)
    afterAll(() => opened?.close())

    const read = async (key: string, range?: { start: number; end: number }): Promise<Buffer | null> => {
      const bytes = await storage.open(key, range)
      return bytes && buffer(bytes)
    }

    it('gives back what was put, to the byte, and any part of it', async () => {
      const bytes = randomBytes(3_000_000)
      await storage.put('a1/med_1', ...piece(bytes))
      expect((await read('a1/med_1'))!.equals(bytes)).toBe(true)
      for (const [start, end] of [
        [0, 0],
        [5, 9],
        [65_535, 65_536],
        [2_999_999, 2_999_999],
        [0, 2_999_999],
      ] as const) {
        expect((await read('a1/med_1', { start, end }))!.equals(bytes.subarray(start, end + 1)), `${start}`).toBe(true)
      }
    })

    it('keeps a file without bytes', async () => {
      await storage.put('a1/empty', Readable.from([]), { sizeBytes: 0, mimeType: PNG })
      expect(await read('a1/empty')).toEqual(Buffer.alloc(0))
    })

    it('has nothing under a key that was never put, or was deleted, and deletes that twice', async () => {
      expect(await storage.open('a1/none')).toBeNull()
      await storage.put('a1/gone', ...piece(Buffer.from('x')))
      await storage.delete('a1/gone')
      await storage.delete('a1/gone')
      expect(await storage.open('a1/gone')).toBeNull()
    })

    it('puts again what is there, and whoever reads the old bytes reads them to their end', async () => {
      const [old, fresh] = [randomBytes(1_000_000), randomBytes(10)]
      await storage.put('a1/twice', ...piece(old))
      const reading = (await storage.open('a1/twice'))!
      await storage.put('a1/twice', ...piece(fresh))
      expect((await buffer(reading)).equals(old)).toBe(true)
      expect((await read('a1/twice'))!.equals(fresh)).toBe(true)
    })

    it('has nothing when the bytes break off, or are fewer or more than announced', async () => {
      const before = await opened.names()
      const breaks = Readable.from(
        (function* () {
          yield randomBytes(100_000)
          throw new Error('cut')
        })(),
      )
      await expect(storage.put('a1/bad', breaks, { sizeBytes: 200_000, mimeType: PNG })).rejects.toThrow('cut')
      await expect(storage.put('a1/bad', ...piece(randomBytes(10), { sizeBytes: 20 }))).rejects.toThrow()
      await expect(storage.put('a1/bad', ...piece(randomBytes(20), { sizeBytes: 10 }))).rejects.toThrow()
      expect(await storage.open('a1/bad')).toBeNull()
      expect(await opened.names()).toEqual(before)
    })

    it('puts, reads and deletes many at once', async () => {
      const keys = Array.from({ length: 20 }, (_, i) => `b${i % 3}/med_${i}`)
      await Promise.all(keys.map(key => storage.put(key, ...piece(Buffer.from(key)))))
      expect(await Promise.all(keys.map(async key => String(await read(key))))).toEqual(keys)
      await Promise.all(keys.map(key => storage.delete(key)))
      expect(await Promise.all(keys.map(key => storage.open(key)))).toEqual(keys.map(() => null))
    })

    it('refuses every key that is not ours: no way leads out of it', async () => {
      const before = await opened.names()
      for (const key of [
        '',
        '.',
        '..',
        '../x',
        'a/../../x',
        '/etc/passwd',
        'a//b',
        'a/',
        '/a',
        'a\\b',
        'a.b',
        'a\0b',
        'a b',
        'ä',
        'x'.repeat(201),
      ]) {
        await expect(storage.put(key, ...piece(Buffer.from('x'))), key).rejects.toThrow('no key')
        await expect(storage.open(key), key).rejects.toThrow('no key')
        await expect(storage.delete(key), key).rejects.toThrow('no key')
      }
      expect(await opened.names()).toEqual(before)
    })
  })
}
