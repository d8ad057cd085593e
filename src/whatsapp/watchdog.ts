import type { ClientRequest, IncomingMessage } from 'node:http'
import type { WASocket } from '@whiskeysockets/baileys'

/** What Baileys waits for without end, or for too long. */

export interface Watch {
  cancel(): void
}

/**
 * Baileys listens to `unexpected-response` and does nothing with it, so `ws` does not abort either: an upgrade
 * answered with anything but 101 would leave the socket connecting for ever.
 */
export function onUpgradeRefused(socket: WASocket, refused: (status: number) => void): void {
  socket.ws.on('unexpected-response', (request: ClientRequest, response: IncomingMessage) => {
    response.resume()
    request.destroy()
    refused(response.statusCode ?? 0)
  })
}

interface Wire {
  send(bytes: Uint8Array, written?: (error?: Error) => void): void
  terminate(): void
  pause(): void
  resume(): void
  readonly readyState: number
  readonly OPEN: number
  readonly isPaused: boolean
}

export const wireOf = (socket: WASocket): Wire | null => (socket.ws as unknown as { socket: Wire | null }).socket

/** Nothing is written once `mayWrite` says no, whichever timer or stanza of Baileys asks for it: the wire is cut instead. */
export function silencedUnless(mayWrite: () => boolean, socket: WASocket): void {
  const wire = wireOf(socket)
  if (!wire) return
  const send = wire.send.bind(wire)
  wire.send = (bytes, written) => {
    if (mayWrite()) return send(bytes, written)
    wire.terminate()
    written?.(new Error('this process may not write any more'))
  }
}

const TERMINATE_AFTER_MS = 500
const GIVE_UP_AFTER_MS = 2000

/**
 * At the end of a socket Baileys waits for the other side's close frame, and `ws` waits 30 s for it. A peer that
 * went away without a word never sends one: the TCP connection is cut, and the end announced whatever happens.
 */
export function terminateSoon(socket: () => WASocket | null, gone: () => void): Watch {
  const cut = setTimeout(() => {
    const made = socket()
    if (made) wireOf(made)?.terminate()
  }, TERMINATE_AFTER_MS)
  const giveUp = setTimeout(gone, GIVE_UP_AFTER_MS)
  return {
    cancel() {
      clearTimeout(cut)
      clearTimeout(giveUp)
    },
  }
}

/** Who waits for an answer of the server will get none, and who begins to wait after that neither. */
export function endWaiting({ ws }: WASocket): void {
  const gone = new Error('Connection Closed')
  ws.emit('error', gone)
  ws.on('newListener', (event: string, listener: (error: Error) => void) => {
    if (event === 'error') queueMicrotask(() => listener(gone))
  })
}
