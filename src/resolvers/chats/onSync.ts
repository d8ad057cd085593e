import type { App } from '../../context.ts'
import { type ChatNews, type GroupNews, joinChats, syncChats, syncGroups } from '../../db/queries/chat-sync.ts'
import { type ChatNames, chatIdOf, namesOf } from '../../db/queries/chats.ts'
import { type ContactNews, learnContacts } from '../../db/queries/contacts.ts'
import { settleInbox } from '../../db/queries/inbox.ts'
import type { SyncedGroup, SyncNews } from '../../whatsapp/whatsapp.ts'

/** A piece of what the phone tells of chats, people and groups, kept at once with the end of its inbox row. */
export async function onSync(app: App, instanceId: string, sync: SyncNews): Promise<void> {
  const now = app.clock.now()
  const of = { instanceId, now }
  const contacts = sync.contacts.flatMap(contactNews)
  const chats = sync.chats.flatMap(({ chat, ...news }) => ofChat({ names: namesOf(chat), ...news }))
  const groups = sync.groups.flatMap(groupNews)
  const people = [...contacts.map(each => each.names), ...groups.flatMap(each => each.participants)]
  const pairs = people.flatMap(({ phone, lid }) => (phone && lid ? [{ phone, lid }] : []))
  await app.db.transaction(async sql => {
    // People first: a chat of one of their names is made with both, and who writes in a group is known by phone.
    await learnContacts(sql, { instanceId, contacts: [...contacts, ...pairs.map(names => ({ names }))], now })
    await syncGroups(sql, of, groups)
    await syncChats(sql, of, oldestFirst(chats))
    await joinChats(sql, of, pairs)
    if (sync.inboxKey) await settleInbox(sql, instanceId, [sync.inboxKey], now)
  })
}

/** Broadcasts, channels and what else a phone may list cannot be written to: they are no chats here. */
const isChat = (names: ChatNames): boolean => names.groupJid === null || names.groupJid.endsWith('@g.us')
const ofChat = <News extends { names: ChatNames }>(news: News): News[] => (isChat(news.names) ? [news] : [])

function contactNews({ contact, ...told }: SyncNews['contacts'][number]): ContactNews[] {
  const { groupJid, phone, lid } = namesOf(contact)
  return groupJid === null ? [{ names: { phone, lid }, ...told }] : []
}

function groupNews({ jid, owner, participants, ...group }: SyncedGroup): GroupNews[] {
  return ofChat({
    ...group,
    names: { groupJid: jid, phone: null, lid: null },
    owner: owner && chatIdOf(namesOf(owner)),
    participants: participants.flatMap(({ address, role }) => {
      const { groupJid, phone, lid } = namesOf(address)
      return groupJid === null ? [{ phone, lid, role }] : []
    }),
  })
}

/** Lists are in the order in which chats were made. */
const oldestFirst = (chats: ChatNews[]): ChatNews[] =>
  chats.sort((a, b) => (a.lastMessageAt?.getTime() ?? 0) - (b.lastMessageAt?.getTime() ?? 0))
