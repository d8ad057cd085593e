import { invalid } from '../errors.ts'

/** Keyset pages: newest first by id, so that a page costs the same wherever it lies and stays stable under inserts. */

export interface PageArgs {
  limit?: number | null
  cursor?: string | null
}

export interface PageOf<Item> {
  data: Item[]
  page: { nextCursor: string | null }
}

/** The id after which the page begins, or null for the first page. */
export function afterId(cursor: string | null | undefined, prefix: string): string | null {
  if (cursor === null || cursor === undefined) return null
  const id = Buffer.from(cursor, 'base64url').toString('utf8')
  if (!id.startsWith(`${prefix}_`) || !/^[a-z]+_[0-9a-z]{26}$/.test(id))
    throw invalid({ cursor: 'is not a cursor of this list' })
  return id
}

/** `rows` holds one more than the limit when the list goes on. */
export function pageOf<Item extends { id: string }>(rows: Item[], limit: number): PageOf<Item> {
  const data = rows.slice(0, limit)
  const last = rows.length > limit ? data.at(-1) : undefined
  return { data, page: { nextCursor: last ? Buffer.from(last.id).toString('base64url') : null } }
}
