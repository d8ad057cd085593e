import { changesOf } from './history.ts'
import type { Person } from './person.ts'
import type { PhoneChat } from './sandbox.ts'

/**
 * What the account's phone knows of its chats. It is kept for the first login of each device; what devices keep in step
 * goes into the app state as well, which tells those that are linked already.
 */
export async function rememberChats(me: Person, chats: PhoneChat[]): Promise<void> {
  const known = new Map((me.row.chats ?? []).map(chat => [chat.with, chat]))
  for (const chat of chats) {
    known.set(chat.with, { ...known.get(chat.with), ...chat })
    if (chat.pushName === undefined || chat.with.endsWith('@g.us')) continue
    const contact = me.sim.person(chat.with)
    contact.row.name = chat.pushName
    contact.save()
  }
  me.row.chats = [...known.values()]
  me.save()
  await me.appState.change(chats.flatMap(chat => changesOf(me, chat)))
}
