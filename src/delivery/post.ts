import type { Socket } from 'node:net'
import type { Clock } from '../clock.ts'
import type { Guard } from './address-guard.ts'
import { AnswerReader } from './answer.ts'
import { Client } from './client.ts'
import { connect, type Dial, dialTcp } from './connect.ts'
import type { Answer, Delivery, PostRequest } from './delivery.ts'
import { codeOf, Failure, unlessEnded } from './failure.ts'
import { type Connection, createIdle, type Idle } from './idle.ts'
import type { Lookup } from './resolve.ts'

interface Parts {
  guard: Guard
  lookup: Lookup
  dial?: Dial | undefined
  clock: Clock
}

const IDLE_TIMEOUT_MS = 4_000
const HEADERS_MAX_BYTES = 16 * 1024

export function createPoster(parts: Parts): Pick<Delivery, 'post' | 'close'> {
  const idle = createIdle()
  const underWay = new Set<AbortController>()
  let closed = false
  return {
    async post(request) {
      const startMs = performance.now()
      const ending = new AbortController()
      const abort = () => ending.abort(aborted())
      const late = () => ending.abort(new Failure('timeout', `There was no answer within ${request.timeoutMs} ms.`))
      const timer = setTimeout(late, request.timeoutMs)
      request.signal?.addEventListener('abort', abort)
      if (closed || request.signal?.aborted) abort()
      underWay.add(ending)
      const durationMs = () => Math.round(performance.now() - startMs)
      try {
        const answer = await exchange(request, { ...parts, idle, signal: ending.signal })
        return { kind: 'answered', ...answer, durationMs: durationMs() }
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        return { kind: 'failed', code: error.code, message: error.message, durationMs: durationMs() }
      } finally {
        clearTimeout(timer)
        request.signal?.removeEventListener('abort', abort)
        underWay.delete(ending)
      }
    },
    async close() {
      closed = true
      for (const each of underWay) each.abort(aborted())
      await idle.close()
    },
  }
}

type Way = Parts & { idle: Idle; signal: AbortSignal }

async function exchange(request: PostRequest, way: Way): Promise<Answer> {
  way.signal.throwIfAborted()
  if (!URL.canParse(request.url)) throw refused(way.guard.schemeProblem)
  const url = new URL(request.url)
  const problem = way.guard.problemOf(url)
  if (problem) throw refused(problem)
  for (let waiting = way.idle.take(url.origin); waiting; waiting = way.idle.take(url.origin)) {
    const answer = await ask(waiting, { url, request, way })
    if (answer !== 'closed_before') return answer
  }
  const answer = await ask(await open(url, way), { url, request, way })
  if (answer === 'closed_before') throw new Failure('connection', 'The connection was closed at once.')
  return answer
}

const aborted = (): Failure => new Failure('aborted', 'The delivery was ended from our side.')

const refused = (problem: string): Failure => new Failure('address_refused', `The URL ${problem}.`)

/** All addresses are looked at, none may be forbidden, and only they are dialled. */
async function open(url: URL, { guard, lookup, dial = dialTcp, signal, idle }: Way): Promise<Connection> {
  const looking = guard.addressesOf(url, lookup, signal).catch(() => [])
  const addresses = await unlessEnded(signal, looking)
  if (addresses.length === 0) throw new Failure('not_resolved', 'The name could not be resolved.')
  const problem = guard.problemOfAddresses(url, addresses)
  if (problem) throw refused(problem)
  return connectionOver(await connect(url, { addresses, dial, signal }), url, idle)
}

/** HTTP over this socket and no other: undici would dial anew, and resolve anew, for a socket that has closed. */
function connectionOver(socket: Socket, url: URL, idle: Idle): Connection {
  let given = false
  const client = new Client(url.origin, {
    connect: (_, callback) => {
      const first = !given
      given = true
      queueMicrotask(() => (first ? callback(null, socket) : callback(new ClosedBefore(), null)))
    },
    allowH2: false,
    maxHeaderSize: HEADERS_MAX_BYTES,
    keepAliveTimeout: IDLE_TIMEOUT_MS,
    keepAliveMaxTimeout: IDLE_TIMEOUT_MS,
    // The one deadline is ours.
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const connection = { client, origin: url.origin }
  client.on('disconnect', () => idle.forget(connection))
  return connection
}

/** The socket was gone before a byte of the request was written. */
class ClosedBefore extends Error {}

async function ask(
  connection: Connection,
  { url, request, way }: { url: URL; request: PostRequest; way: Way },
): Promise<Answer | 'closed_before'> {
  const { client } = connection
  const reader = new AnswerReader(way.clock)
  const { promise, resolve, reject } = Promise.withResolvers<'whole' | 'enough'>()
  try {
    client.dispatch(
      { path: url.pathname + url.search, method: 'POST', headers: request.headers, body: request.body },
      {
        onRequestStart() {},
        onResponseStart: (_, statusCode, headers) => reader.head(statusCode, headers),
        onResponseData: (_, chunk) => void (reader.take(chunk) || resolve('enough')),
        onResponseEnd: () => resolve('whole'),
        onResponseError: (_, error) => reject(error),
      },
    )
    const read = await unlessEnded(way.signal, promise)
    if (read === 'whole') way.idle.keep(connection)
    else void client.destroy()
    return reader.done()
  } catch (error) {
    void client.destroy()
    if (error instanceof ClosedBefore) return 'closed_before'
    if (error instanceof Failure) throw error
    throw new Failure('connection', `The connection ended without a whole answer (${codeOf(error)}).`)
  }
}
