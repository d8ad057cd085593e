import type { Sql } from '../../db/sql.ts'
export async function touchChat(
  sql: Sql,
  of: { instanceId: string; chat: string; at: Date; direction: 'inbound' | 'outbound' },
): Promise<void> {
  await sql.query(
    'update chat set last_message_at = greatest(last_message_at, $3) where instance_id = $1 and id = $2',
    [of.instanceId, of.chat, of.at],
    'touch-chat',
  )
}
