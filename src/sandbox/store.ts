import { DatabaseSync, type StatementSync } from 'node:sqlite'

/** One table each. `row`: keyed by SQLite's own row id, better for values of kilobytes that are overwritten. */
const SPACES = {
  meta: 'row',
  person: 'row',
  account: 'key',
  companion: 'row',
  bundle: 'row',
  preKey: 'key',
  session: 'row',
  senderKey: 'row',
  identity: 'key',
  queue: 'key',
  group: 'row',
  shown: 'key',
  seen: 'key',
  sent: 'key',
  schedule: 'key',
  appState: 'key',
} as const

export type Space = keyof typeof SPACES
export type Value = string | Uint8Array
/** A function is called when its row is written: several changes between two commits cost one encoding. */
export type Writable = Value | (() => Value)

interface Pending {
  value: Writable | null
  /** Not on disk yet, so that deleting it needs no write. */
  fresh: boolean
}

interface Statements {
  get: StatementSync
  put: StatementSync
  delete: StatementSync
  scan: StatementSync
  surplus: StatementSync
}

/** From the first change to its commit. */
const LINGER_MS = 2
const LOCK_WAIT_MS = 1_000

/**
 * Rows by space and key. What was put is in memory at once and on disk with the next group commit; whoever tells
 * the outside world about it does so in `whenStored`. SQLite in WAL mode keeps what is committed through the death
 * of the process without an fsync per commit.
 */
export class Store {
  readonly #db: DatabaseSync
  readonly #statements: Record<Space, Statements>
  #pending = new Map<Space, Map<string, Pending>>()
  #dirty = 0
  #waiting: { run: () => void; fail?: (error: Error) => void }[] = []
  #scheduled = false
  #failure: Error | null = null
  #closed = false
  commits = 0

  /** Called once, when a commit failed: memory is then ahead of the disk, and nothing may be told any more. */
  onFailure: (error: Error) => void = () => {}

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
    try {
      // the lock is the kernel's, and goes with the process
      this.#db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL')
      this.#db.exec('PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4000')
      this.#db.exec('BEGIN EXCLUSIVE; COMMIT')
    } catch (error) {
      this.#db.close()
      throw new Error(`the sandbox in ${path} cannot be opened: another process has it`, { cause: error })
    }
    const statements: Partial<Record<Space, Statements>> = {}
    for (const [space, kind] of Object.entries(SPACES) as [Space, 'row' | 'key'][]) {
      const tail = kind === 'key' ? ' WITHOUT ROWID' : ''
      this.#db.exec(`CREATE TABLE IF NOT EXISTS "${space}" (key TEXT PRIMARY KEY, value) ${tail}`)
      statements[space] = {
        get: this.#db.prepare(`SELECT value FROM "${space}" WHERE key = ?`),
        put: this.#db.prepare(
          `INSERT INTO "${space}" (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        ),
        delete: this.#db.prepare(`DELETE FROM "${space}" WHERE key = ?`),
        scan: this.#db.prepare(`SELECT key, value FROM "${space}" WHERE key >= ? AND key < ? ORDER BY key`),
        surplus: this.#db.prepare(
          `SELECT key, value FROM "${space}" WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 5000 OFFSET ?`,
        ),
      }
      this.#pending.set(space, new Map())
    }
    this.#statements = statements as Record<Space, Statements>
  }

  get(space: Space, key: string): Value | undefined {
    if (this.#closed) return undefined
    const pending = this.#pending.get(space)!.get(key)
    if (pending) return pending.value === null ? undefined : encoded(pending.value)
    const row = this.#statements[space].get.get(key) as { value: Value } | undefined
    return row?.value
  }

  getText(space: Space, key: string): string | undefined {
    const value = this.get(space, key)
    return value === undefined || typeof value === 'string' ? value : Buffer.from(value).toString('utf8')
  }

  put(space: Space, key: string, value: Writable): void {
    this.#write(space, key, value, false)
  }

  /** `put` of a key that is on disk for certain not: deleting it before the commit leaves no trace. */
  insert(space: Space, key: string, value: Writable): void {
    this.#write(space, key, value, true)
  }

  delete(space: Space, key: string): void {
    const rows = this.#pending.get(space)!
    if (rows.get(key)?.fresh) rows.delete(key)
    else this.#write(space, key, null, false)
  }

  deletePrefix(space: Space, prefix: string): void {
    for (const [key] of this.scan(space, prefix)) this.delete(space, key)
  }

  /** In the order of keys. Commits first, so that the answer is whole. */
  scan(space: Space, prefix = ''): [string, Value][] {
    if (this.#closed) return []
    this.#commit()
    const rows = this.#statements[space].scan.all(prefix, `${prefix}\u{10ffff}`)
    return (rows as { key: string; value: Value }[]).map(row => [row.key, row.value])
  }

  /** All but the newest `kept` rows under a prefix, at most 5,000 at a time. */
  surplus(space: Space, prefix: string, kept: number): [string, Value][] {
    if (this.#closed) return []
    this.#commit()
    const rows = this.#statements[space].surplus.all(prefix, `${prefix}\u{10ffff}`, kept)
    return (rows as { key: string; value: Value }[]).map(row => [row.key, row.value])
  }

  /** Runs at once when everything is on disk, else after the next commit, in the order of the calls. */
  whenStored(run: () => void, fail?: (error: Error) => void): void {
    const dead = this.#failure ?? (this.#closed ? new Error('the sandbox is closed') : null)
    if (dead) fail?.(dead)
    else if (this.#dirty === 0 && this.#waiting.length === 0) run()
    else this.#waiting.push({ run, fail })
  }

  stored(): Promise<void> {
    return new Promise((resolve, reject) => this.whenStored(resolve, reject))
  }

  close(): void {
    if (this.#closed) return
    this.#commit()
    this.#closed = true
    this.#db.close()
  }

  #write(space: Space, key: string, value: Writable | null, fresh: boolean): void {
    const rows = this.#pending.get(space)!
    rows.set(key, { value, fresh: rows.get(key)?.fresh ?? fresh })
    this.#dirty++
    if (this.#scheduled) return
    this.#scheduled = true
    // one commit for what several sockets bring; sooner would save nobody a millisecond that matters
    setTimeout(() => {
      this.#scheduled = false
      this.#commit()
    }, LINGER_MS)
  }

  #commit(): void {
    if (this.#closed || this.#failure) return
    if (this.#dirty > 0) {
      try {
        this.#db.exec('BEGIN IMMEDIATE')
        for (const [space, rows] of this.#pending) {
          if (rows.size === 0) continue
          const { put, delete: remove } = this.#statements[space]
          for (const [key, { value }] of rows) {
            if (value === null) remove.run(key)
            else put.run(key, encoded(value))
          }
        }
        this.#db.exec('COMMIT')
      } catch (error) {
        this.#fail(error as Error)
        return
      }
      for (const rows of this.#pending.values()) rows.clear()
      this.#dirty = 0
      this.commits++
    }
    // a callback may write again: what comes now waits for the next commit
    const ready = this.#waiting
    this.#waiting = []
    for (const { run } of ready) run()
  }

  #fail(error: Error): void {
    this.#failure = error
    for (const { fail } of this.#waiting.splice(0)) fail?.(error)
    this.onFailure(error)
  }
}

const encoded = (value: Writable): Value => (typeof value === 'function' ? value() : value)

/** Digits of one width, so that keys sort as numbers. */
export const padded = (n: number, width = 14): string => String(n).padStart(width, '0')
