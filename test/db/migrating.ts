/**
 * A process of its own that brings databases up to date, as a server does with its one, and ends. Of a target with
 * `stopBefore` that statement, counted from 1, is never sent; once all of them have come so far, or to the end, the
 * process is killed.
 */
import { flushCompileCache } from 'node:module'
import '@mikro-orm/migrations'
import pg from 'pg'
import { openDatabase } from '../../src/db/open.ts'

export interface Target {
  url: string
  stopBefore?: number
}

const targets: Target[] = JSON.parse(process.env.TARGETS!)
const stops = new Map(targets.map(({ url, stopBefore }) => [new URL(url).pathname.slice(1), stopBefore]))
const sent = new Map<string, number>()
let awaited = targets.length

function arrive(): void {
  if (--awaited === 0) process.kill(process.pid, 'SIGKILL')
}

const query = pg.Client.prototype.query as (...args: unknown[]) => unknown
pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
  const place = (sent.get(this.database!) ?? 0) + 1
  sent.set(this.database!, place)
  if (place !== stops.get(this.database!)) return query.apply(this, args)
  arrive()
  return new Promise(() => {})
} as typeof pg.Client.prototype.query

// Whoever is killed writes nothing down when it ends.
flushCompileCache()
const log = { debug() {}, info: (fields: object) => console.log(JSON.stringify(fields)), warn() {} }
const bring = async ({ url, stopBefore }: Target) => {
  const database = await openDatabase({ databaseUrl: url, dataDir: '', log })
  if (stopBefore === undefined) await database.close()
  else arrive()
}
await Promise.all(targets.map(bring))
