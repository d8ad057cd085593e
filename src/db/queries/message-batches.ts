import type { Sql } from '../sql.ts'
import { olderThan } from './keyset.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'

/** Messages for many chats, or of many ids, in one statement: what is nested in a list costs no statement per row. */

const FROM = 'message join chat on chat.id = message.chat'

/** The newest of each chat; `after` is the id of the last row of the page before. Chats are given by our own ids. */
export function messagesOfChats(
  sql: Sql,
  of: { tenantId: string; chats: readonly string[]; after: string | null; limit: number },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select newest.* from unnest($2::text[]) as wanted (chat) cross join lateral (
       select ${MESSAGE_COLUMNS} from ${FROM}
       where message.tenant_id = $1 and message.chat = wanted.chat and message.action_of is null
         and ${olderThan('message.id', '$3')}
       order by message.id desc limit $4) as newest`,
    [of.tenantId, of.chats, of.after, of.limit],
    'messages-of-chats',
  )
}

export function messagesByIds(sql: Sql, tenantId: string, ids: readonly string[]): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM}
     where (message.tenant_id = $1) is not false and message.id = any($2) and message.action_of is null`,
    [tenantId, ids],
    'messages-by-ids',
  )
}
