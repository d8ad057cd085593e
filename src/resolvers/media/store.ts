import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { App } from '../../context.ts'
import { claimStored, dropGarbage, insertGarbage } from '../../db/queries/media.ts'
import type { Sql } from '../../db/sql.ts'
import { unavailable } from '../../errors.ts'
import { full, type Spooled } from './spool.ts'

/**
 * How bytes get under a key so that none is ever there without a row that names it: first the key is written down as
 * garbage, then the bytes are put, then the row that owns them takes the key out of the garbage, in one transaction.
 * Whatever breaks off in between, the clock sweeps. A key is used once.
 */

/** The stored file's key, which `record` gives to the row that owns it. */
export interface ToStore {
  mediaId: string
  spooled: Spooled
  mimeType: string
}

export async function storing<T>(
  app: App,
  { mediaId, spooled, mimeType }: ToStore,
  record: (sql: Sql, storageKey: string) => Promise<T>,
): Promise<T> {
  const storageKey = newKey(mediaId)
  await insertGarbage(app.db.sql, storageKey, app.clock.now())
  try {
    const { sizeBytes, path } = spooled
    await app.storage.put(storageKey, createReadStream(path), { sizeBytes, mimeType })
    return await app.db.transaction(async sql => {
      const result = await record(sql, storageKey)
      // The clock has swept what took longer than it waits.
      if (!(await claimStored(sql, storageKey))) throw unavailable('The file could not be stored in time')
      return result
    })
  } catch (error) {
    // Whether a commit that was cut took place is not known: then the row decides, and the clock sweeps the rest.
    if (isCertain(error)) app.background('discard a file', discard(app, storageKey))
    throw full(error)
  }
}

const isCertain = (error: unknown): boolean => (error as { code?: unknown }).code !== 'unavailable'

async function discard(app: App, storageKey: string): Promise<void> {
  await app.storage.delete(storageKey)
  await dropGarbage(app.db.sql, [storageKey])
}

/** Folders of some thousand each; the end is chance, so that two tries at one file never meet. */
function newKey(mediaId: string): string {
  const chance = randomBytes(6).toString('hex')
  return `${chance.slice(0, 2)}/${mediaId}_${chance}`
}
