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

const TERMINATE_AFTER_MS = 500
const GIVE_UP_AFTER_MS = 2000

/**
 * At the end of a socket Baileys waits for the other side's close frame, and `ws` waits 30 s for it. A peer that
 * went away without a word never sends one: the TCP connection is cut, and the end announced whatever happens.
 */
export function terminateSoon(socket: () => WASocket | null, gone: () => void): Watch {
  const cut = setTimeout(() => {
    const client = socket()?.ws as { socket?: { terminate(): void } | null } | undefined
    client?.socket?.terminate()
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
