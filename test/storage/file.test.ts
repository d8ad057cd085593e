import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openFileStorage } from '../../src/storage/file.ts'
import { conforms } from './conformance.ts'

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

conforms('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wataki-media-'))
  return {
    storage: openFileStorage(folder),
    names: () => filesIn(folder),
    close: () => rm(folder, { recursive: true }),
  }
})

it('what a writer that was killed has left is deleted with its key', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wataki-media-'))
  await writeFile(join(folder, 'med_1.part'), 'half of it')
  await openFileStorage(folder).delete('med_1')
  expect(await filesIn(folder)).toEqual([])
  await rm(folder, { recursive: true })
})
