import type { BinaryNode, WASocket } from '@whiskeysockets/baileys'

type Handler = (node: BinaryNode) => unknown

/**
 * Lets Baileys handle one message after another, as they came. By itself it looks names up first and takes its turn
 * afterwards, so a message of someone new is overtaken by the next; and what is live overtakes the backlog, which
 * it keeps apart. Decryption is one at a time anyway, so nothing gets slower.
 */
export function handleInOrder(
  socket: WASocket,
  { isOver, crashed }: { isOver(): boolean; crashed(error: unknown): void },
): void {
  const handlers = socket.ws.listeners('CB:message') as Handler[]
  socket.ws.removeAllListeners('CB:message')
  let turn: Promise<unknown> = Promise.resolve()
  socket.ws.on('CB:message', (node: BinaryNode) => {
    const { offline: _, ...attrs } = node.attrs
    const inLine = { ...node, attrs }
    // What is left when the socket ends comes again at the next login.
    turn = turn.then(() => (isOver() ? undefined : Promise.all(handlers.map(handle => handle(inLine))))).catch(crashed)
  })
}
