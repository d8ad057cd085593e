import { AsyncLocalStorage } from 'node:async_hooks'
import type { WASocket } from '@whiskeysockets/baileys'
import { leaveScope } from './trust.ts'
import { wireOf } from './watchdog.ts'

/**
 * What sockets read is handled in turns of the event loop: after a reconnection, hundreds of receipts come in one piece, and
 * all that a server does would wait for them. `ws` tells of each frame of a piece at once, and Baileys answers each.
 */

/** By all sockets together: some 3 ms of work. */
const FRAMES_A_TURN = 8

/** The rest must not overtake the frames that came before it. */
const ORDERED: ReadonlySet<unknown> = new Set(['message', 'close', 'error'])

interface Reader {
  waiting: (() => void)[]
  resume(): void
}

const readers = new Set<Reader>()
let left = FRAMES_A_TURN
let isPlanned = false

/** Nothing more is read from the wire while there is something to catch up with. */
export function readInTurns(socket: WASocket): void {
  const { ws } = socket
  const emit = ws.emit.bind(ws)
  const inScope = AsyncLocalStorage.snapshot()
  // As a promise, so that what is thrown is thrown in this scope.
  const handle = (event: string | symbol, args: unknown[]) =>
    void new Promise<unknown>(resolve => resolve(emit(event, ...args)))
  // `ws` throws for one that failed before it was open: there is nothing to read from.
  const pause = () => {
    const wire = wireOf(socket)
    if (wire && wire.readyState === wire.OPEN) wire.pause()
  }
  const resume = () => {
    const wire = wireOf(socket)
    if (wire?.isPaused) wire.resume()
  }
  const reader: Reader = { waiting: [], resume }
  ws.emit = (event, ...args) => {
    if (!ORDERED.has(event)) return emit(event, ...args)
    if (!isPlanned) plan()
    if (reader.waiting.length === 0 && left > 0) {
      left--
      return emit(event, ...args)
    }
    if (reader.waiting.push(() => inScope(handle, event, args)) === 1) pause()
    readers.add(reader)
    return true
  }
}

/** Of no socket: it goes on when the one that was first ends. */
function plan(): void {
  isPlanned = true
  leaveScope(() => setImmediate(turn))
}

/** One of each socket, and again, until the turn is over. */
function turn(): void {
  left = FRAMES_A_TURN
  isPlanned = false
  if (readers.size > 0) plan()
  for (const reader of readers) {
    if (left === 0) break
    left--
    // Behind the others: this loop comes to it again, or the next turn does.
    readers.delete(reader)
    const handleOne = reader.waiting.shift()!
    if (reader.waiting.length > 0) readers.add(reader)
    else reader.resume()
    handleOne()
  }
}
