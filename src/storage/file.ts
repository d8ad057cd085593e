import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { exactly } from './exactly.ts'
import { assertKey, type Storage } from './storage.ts'

/** Files below one folder. What is being written has another name, beside that of the whole file. */
export function openFileStorage(folder: string): Storage {
  const pathOf = (key: string): string => join(folder, assertKey(key))
  return {
    async put(key, bytes, { sizeBytes }) {
      const path = pathOf(key)
      await mkdir(dirname(path), { recursive: true })
      try {
        const part = createWriteStream(partOf(path), { mode: 0o600, flush: true })
        await pipeline(bytes, exactly(sizeBytes), part)
        await rename(partOf(path), path)
        await flushFolder(dirname(path))
      } catch (error) {
        for (const name of [partOf(path), path]) await rm(name, { force: true }).catch(() => {})
        throw error
      }
    },
    async open(key, range) {
      const path = pathOf(key)
      const handle = await open(path).catch(error => {
        if (error.code === 'ENOENT') return null
        throw error
      })
      return handle && createReadStream(path, { ...range, fd: handle })
    },
    async delete(key) {
      // A writer that was killed has left the other one.
      for (const name of [pathOf(key), partOf(pathOf(key))]) await rm(name, { force: true })
    },
    async close() {},
  }
}

/** No key has a dot in it. */
const partOf = (path: string): string => `${path}.part`

/** The new name is on disk, too. */
async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
