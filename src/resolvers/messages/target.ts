import { lockNamed, type MessageRow } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import type { Target } from '../../whatsapp/whatsapp.ts'

/** The message of the chat that news are about, locked until the transaction ends. */
export async function targetOf(
  sql: Sql,
  at: { instanceId: string; chat: string } & Target,
): Promise<MessageRow | null> {
  const rows = await lockNamed(sql, at)
  const direction = at.fromMe ? 'outbound' : 'inbound'
  return rows.find(row => row.direction === direction) ?? null
}
