import { changesOf } from './history.ts'
import type { Person } from './person.ts'
import type { PhoneChat } from './sandbox.ts'

/** The oldest go. */
const MAX_CHATS = 2_000

/**
 * What the account's phone knows of its chats. It is kept for the first login of each device; what devices keep in step
 * goes into the app state as well, which tells those that are linked already.
 */
export async function rememberChats(me: Person, chats: PhoneChat[]): Promise<void> {
  const known = new Map(me.chats.map(chat => [chat.with, chat]))
  for (const chat of chats) {
    known.set(chat.with, { ...known.get(chat.with), ...chat })
    if (chat.pushName === undefined || chat.with.endsWith('@g.us')) continue
    const contact = me.sim.person(chat.with)
    contact.row.name = chat.pushName
    contact.save()
  }
  me.chats = [...known.values()].slice(-MAX_CHATS)
  await me.appState.change(chats.flatMap(chat => changesOf(me, chat)))
}
