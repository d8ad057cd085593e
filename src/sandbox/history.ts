import { deflateSync } from 'node:zlib'
import type { Change } from './app-state.ts'
import type { Companion } from './companion.ts'
import { encryptMedia } from './media-keys.ts'
import type { Person } from './person.ts'
import type { PhoneChat } from './sandbox.ts'
import { newMessageId } from './stanza.ts'
import { proto } from './wa.ts'

const { HistorySyncType } = proto.HistorySync
const { Type: ProtocolType } = proto.Message.ProtocolMessage
const seconds = (iso: string): number => Math.floor(Date.parse(iso) / 1_000)

/**
 * First login of a device: the key of the app state, then history. Baileys holds back all events until it has
 * seen a history notification (or for 20 s), so an empty one, inline, is the quick way out.
 */
export async function greet(me: Person, companion: Companion): Promise<void> {
  const { sim, speaker, phone } = me
  if (sim.options.historySync === 'none') return
  const key = me.appState.key()
  const fingerprint = { rawId: 1, currentIndex: 0, deviceIndexes: [0] }
  const keyData = { keyData: key.data, timestamp: sim.clock.nowMs(), fingerprint }
  await speaker.peer(companion, {
    protocolMessage: {
      type: ProtocolType.APP_STATE_SYNC_KEY_SHARE,
      appStateSyncKeyShare: { keys: [{ keyId: { keyId: key.id }, keyData }] },
    },
  })
  const { chats } = me
  const people = chats.filter(chat => !chat.with.endsWith('@g.us')).map(chat => sim.person(chat.with))
  const known = [me, ...people]
  await sendHistory(companion, {
    syncType: HistorySyncType.INITIAL_BOOTSTRAP,
    conversations: [...phone.history, ...chats.map(chat => conversation(me, chat)), ...untold(me)],
    phoneNumberToLidMappings: known.map(person => ({ pnJid: person.jid(), lidJid: person.jid('lid') })),
  })
  const pushnames = known.map(person => ({ id: person.jid(), pushname: person.name }))
  await sendHistory(companion, { syncType: HistorySyncType.PUSH_NAME, pushnames })
  await sendHistory(companion, { syncType: HistorySyncType.RECENT, progress: 100 })
}

/** Small pieces stand in the notification itself; larger ones are a file on the media host, at a path without a host. */
async function sendHistory(companion: Companion, history: proto.IHistorySync): Promise<void> {
  const { person, sim } = companion
  const whole = proto.HistorySync.fromObject({ conversations: [], ...history })
  const packed = deflateSync(proto.HistorySync.encode(whole).finish())
  const notification: proto.Message.IHistorySyncNotification = {
    syncType: history.syncType as unknown as proto.Message.HistorySyncType,
    chunkOrder: 1,
    progress: history.progress,
  }
  if (packed.length <= sim.options.historyInlineMaxBytes) notification.initialHistBootstrapInlinePayload = packed
  else {
    const { blob, ...keys } = await encryptMedia(packed, 'md-msg-hist')
    const { pathname: directPath } = new URL((await sim.media.publish(person.pn, blob)).url)
    Object.assign(notification, keys, { directPath })
  }
  await person.speaker.peer(companion, {
    protocolMessage: { type: ProtocolType.HISTORY_SYNC_NOTIFICATION, historySyncNotification: notification },
  })
}

function conversation(me: Person, chat: PhoneChat): proto.IConversation {
  const { sim } = me
  const group = sim.groups.get(chat.with)
  const contact = group ? undefined : sim.person(chat.with)
  const id = group?.jid ?? contact!.jid()
  const messages = (chat.messages ?? []).map(({ whatsappId, fromMe, text, at }, i) => ({
    msgOrderId: i + 1,
    message: {
      key: { remoteJid: id, fromMe, id: whatsappId ?? newMessageId(), ...(group && { participant: me.jid() }) },
      message: { conversation: text },
      messageTimestamp: seconds(at),
      ...(contact && !fromMe && { pushName: contact.name }),
    },
  }))
  return {
    id,
    name: group ? group.row.subject : (chat.name ?? null),
    ...(contact && { pnJid: contact.jid(), lidJid: contact.jid('lid') }),
    unreadCount: chat.unreadCount ?? 0,
    archived: chat.archived ?? false,
    ...(chat.pinned && { pinned: sim.now() }),
    ...(chat.mutedUntil && { muteEndTime: Date.parse(chat.mutedUntil) }),
    conversationTimestamp: messages.at(-1)?.message.messageTimestamp ?? sim.now(),
    messages: messages.reverse(),
  }
}

/** Groups that nothing is said about. */
function untold(me: Person): proto.IConversation[] {
  const told = new Set(me.chats.map(chat => chat.with))
  return me.sim
    .groupsOf(me)
    .filter(group => !told.has(group.jid))
    .map(group => ({ id: group.jid, name: group.row.subject, conversationTimestamp: group.row.creation }))
}

/** What of it goes by the app state, as it is what all devices of an account keep in step. */
export function changesOf(me: Person, chat: PhoneChat): Change[] {
  const contact = chat.with.endsWith('@g.us') ? undefined : me.sim.person(chat.with)
  const jid = contact?.jid() ?? chat.with
  const changes: Change[] = []
  if (contact && chat.name !== undefined) {
    const contactAction = { fullName: chat.name, firstName: chat.name, lidJid: contact.jid('lid') }
    const action = { contactAction: { ...contactAction, saveOnPrimaryAddressbook: true } }
    changes.push({ collection: 'critical_unblock_low', index: ['contact', jid], version: 2, action })
  }
  if (chat.mutedUntil !== undefined) {
    const muted = chat.mutedUntil !== null
    const muteEndTimestamp = chat.mutedUntil === null ? undefined : Date.parse(chat.mutedUntil)
    const action = { muteAction: { muted, muteEndTimestamp } }
    changes.push({ collection: 'regular_high', index: ['mute', jid], version: 2, action })
  }
  if (chat.pinned !== undefined) {
    const action = { pinAction: { pinned: chat.pinned } }
    changes.push({ collection: 'regular_low', index: ['pin_v1', jid], version: 5, action })
  }
  if (chat.archived !== undefined) {
    const messageRange = { lastMessageTimestamp: me.sim.now(), messages: [] }
    const action = { archiveChatAction: { archived: chat.archived, messageRange } }
    changes.push({ collection: 'regular_low', index: ['archive', jid], version: 3, action })
  }
  return changes
}
