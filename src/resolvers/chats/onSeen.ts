import type { App } from '../../context.ts'
import { findChat, markSeen, namesOf } from '../../db/queries/chats.ts'
import type { SeenNews } from '../../whatsapp/whatsapp.ts'

/** The account has seen messages on its own phone. */
export async function onSeen(app: App, instanceId: string, seen: SeenNews): Promise<void> {
  const { groupJid, phone, lid } = namesOf(seen.chat)
  await app.db.transaction(async sql => {
    for (const name of [groupJid, phone, lid]) {
      const chat = name && (await findChat(sql, instanceId, name))
      if (!chat) continue
      return markSeen(sql, { instanceId, chat: chat.id, whatsappIds: seen.whatsappIds })
    }
  })
}
