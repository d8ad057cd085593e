/**
 * Loaded before a server (`node --import ./test/chaos/kill-at.ts src/main.ts`): makes it fail at a statement of its
 * own. The product knows nothing of it; what it goes by are the names of the statements that pass through pg.
 *
 * Directives stand in KILL_AT or come as a message from the parent, separated by spaces; those before are forgotten:
 *   before:claim-pending:3     SIGKILL before the third of these statements is sent; `after`: once its rows are here
 *   throw:insert-message:1     the first one is an error of PostgreSQL instead
 *   delay:claim-pending:1:500  the first one is sent 500 ms later
 *   fail:0.01:7                so many of all statements fail, by the seed 7: half of them although they were executed
 * `commit.insert-message` is the commit of a transaction in which that statement was; `begin`, `commit` and
 * `rollback` go by their own names.
 */
import pg from 'pg'

interface Point {
  kind: string
  statement: string
  left: number
  delayMs: number
}

interface Failing {
  rate: number
  random: () => number
}

// biome-ignore lint/suspicious/noExplicitAny: whatever pg takes is handed on as it is
type Any = any

let points: Point[] = []
let failing: Failing | null = null
/** What each connection has executed in its open transaction. */
const transactions = new WeakMap<object, Set<string>>()

function arm(directives: string): void {
  points = []
  failing = null
  for (const directive of directives.split(' ').filter(Boolean)) {
    const [kind, first, second, third] = directive.split(':') as [string, string, string?, string?]
    if (kind === 'fail') failing = { rate: Number(first), random: chance(Number(second ?? 1)) }
    else points.push({ kind, statement: first, left: Number(second ?? 1), delayMs: Number(third ?? 0) })
  }
}

/** Same seed, same numbers (mulberry32). */
function chance(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function namesOf(client: object, statement: Any): string[] {
  const text: string = typeof statement === 'string' ? statement : (statement.text ?? '')
  const name: string = statement.name ?? text.trim().split(/\s/)[0]!.toLowerCase()
  if (name === 'begin') transactions.set(client, new Set())
  const open = transactions.get(client)
  if (name !== 'commit') {
    open?.add(name)
    return [name]
  }
  transactions.delete(client)
  return [name, ...[...(open ?? [])].map(each => `commit.${each}`)]
}

/** Whether this execution is the one that a point of the kind waits for. */
function isReached(kind: string, names: string[]): Point | null {
  for (const point of points) {
    if (point.kind === kind && names.includes(point.statement) && --point.left === 0) return point
  }
  return null
}

function die(): never {
  for (;;) process.kill(process.pid, 'SIGKILL')
}

/** Sees the result before its owner does; an answer of true takes it away from him. */
function onResult(args: Any[], call: (args: Any[]) => Any, look: (result: Any) => boolean): Any {
  const told = new Error('chaos: executed, and told as failed')
  const last = args.at(-1)
  if (typeof last === 'function') {
    const seen = (error: Error | null, result: Any) => (!error && look(result) ? last(told) : last(error, result))
    return call([...args.slice(0, -1), seen])
  }
  return call(args)?.then((result: Any) => {
    if (look(result)) throw told
    return result
  })
}

const BROKEN = 'select chaos_has_no_such_function()'
const broken = (args: Any[]): Any[] => [BROKEN, [], ...args.filter(arg => typeof arg === 'function')]

const query = pg.Client.prototype.query as (...args: Any[]) => Any

pg.Client.prototype.query = function (this: pg.Client, ...args: Any[]): Any {
  const call = (given: Any[]) => query.apply(this, given)
  if (!args[0] || typeof args[0].submit === 'function') return call(args)
  const names = namesOf(this, args[0])
  if (isReached('before', names)) die()
  if (isReached('throw', names)) return call(broken(args))
  const late = isReached('delay', names)
  if (late) {
    const after = new Promise(resolve => setTimeout(resolve, late.delayMs)).then(() => call(args))
    return typeof args.at(-1) === 'function' ? undefined : after
  }
  const drawn = failing ? failing.random() : 1
  if (failing && drawn < failing.rate / 2) return call(broken(args))
  const isLost = failing !== null && drawn < failing.rate
  // A claim that found nothing, an update that met no row, is no moment to die at.
  return onResult(args, call, result => {
    if (result?.rowCount !== 0 && isReached('after', names)) die()
    return isLost
  })
} as typeof pg.Client.prototype.query

arm(process.env.KILL_AT ?? '')
process.on('message', directives => {
  arm(String(directives))
  process.send?.('armed')
})
process.channel?.unref()
