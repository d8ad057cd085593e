import type { Connection } from '../connection.ts'
import { firstTag, iqError, iqResult } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { accountHandlers } from './account.ts'
import { IqFailure, type IqHandlers } from './answer.ts'
import { groupHandlers } from './groups.ts'
import { keyHandlers } from './keys.ts'
import { lookupHandlers } from './lookups.ts'
import { pairingHandlers } from './pairing.ts'

/** By `type xmlns child`, else by `type xmlns`. */
const LINKED: IqHandlers = {
  ...pairingHandlers,
  ...accountHandlers,
  ...keyHandlers,
  ...lookupHandlers,
  ...groupHandlers,
}

/** An unknown iq gets an empty result, and is reported. */
export async function handleIq(conn: Connection, node: BinaryNode): Promise<void> {
  const { sim } = conn
  const { type = '', xmlns = '' } = node.attrs
  if (type === 'result' || type === 'error') return
  const tag = firstTag(node)
  const fault = sim.faults.takeIq(xmlns, tag)
  if (fault) {
    if (fault.code !== null) conn.send(iqError(node, fault.code, fault.text))
    return
  }
  const table = conn.companion ? LINKED : pairingHandlers
  const handler = table[`${type} ${xmlns} ${tag}`] ?? table[`${type} ${xmlns}`]
  if (!handler) sim.events.emit('unhandled', node)
  const answer = await handler?.({ conn, node, me: conn.companion! })
  if (answer instanceof IqFailure) conn.send(iqError(node, answer.code, answer.text))
  else conn.send(iqResult(node, answer ?? undefined))
  for (const run of conn.afterReply.splice(0)) run()
}
