import { type Context, tenantOf } from '../context.ts'
import { invalid } from '../errors.ts'
import type { Secrets } from '../secrets.ts'

/** Keyset pages: newest first by id, so that a page costs the same wherever it lies and stays stable under inserts. */

export interface PageArgs {
  limit?: number | null
  cursor?: string | null
}

export interface PageOf<Item> {
  data: Item[]
  page: { nextCursor: string | null }
}

/** Which list a cursor is of: one of another tenant or of another list is refused like one that was made up. */
export interface List {
  tenantId: string
  /** The list, and of what it is, such as `messages inst_…`. */
  name: string
}

const MAC_BYTES = 12
/** That of a delivery has one more: see `events/record.ts`. */
const ID = /^[a-z]+_[0-9a-z]{26,27}$/

export class Pager {
  readonly #secrets: Secrets
  readonly #list: string

  constructor(secrets: Secrets, { tenantId, name }: List) {
    this.#secrets = secrets
    this.#list = `cursor ${tenantId} ${name}`
  }

  /** The id after which the page begins, or null for the first page. */
  after(cursor: string | null | undefined): string | null {
    if (cursor === null || cursor === undefined) return null
    const bytes = Buffer.from(cursor, 'base64url')
    const id = bytes.subarray(MAC_BYTES).toString('latin1')
    if (!ID.test(id) || !this.#cursors(id).includes(cursor)) throw invalid({ cursor: 'is not a cursor of this list' })
    return id
  }

  /** `rows` holds one more than the limit when the list goes on. */
  page<Item extends { id: string }>(rows: Item[], limit: number): PageOf<Item> {
    const data = rows.slice(0, limit)
    const last = rows.length > limit ? data.at(-1) : undefined
    return { data, page: { nextCursor: last ? this.#cursors(last.id)[0]! : null } }
  }

  /** The one that is given out, and after it what it was under the previous key. */
  #cursors(id: string): string[] {
    const macs = this.#secrets.macs(`${this.#list} ${id}`).map(mac => mac.subarray(0, MAC_BYTES))
    return macs.map(mac => Buffer.concat([mac, Buffer.from(id, 'latin1')]).toString('base64url'))
  }
}

/** The pages of a list of the caller's. */
export const pager = (ctx: Context, name: string): Pager => new Pager(ctx.secrets, { tenantId: tenantOf(ctx), name })
