import { EventEmitter } from 'node:events'
import type { WASocket } from '@whiskeysockets/baileys'
import { initAuthCreds } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { Account, nothingRemembered, type Remembered } from '../../src/whatsapp/account/account.ts'
import { KeyStore } from '../../src/whatsapp/key-store.ts'
import type { SeenNews, SyncNews } from '../../src/whatsapp/whatsapp.ts'
import { memoryVault } from './memory-vault.ts'
import { until } from './rig.ts'

const nothing = () => {}
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing }
const BOB = { phone: '5511900000002@s.whatsapp.net', lid: '9002@lid' }

/** The parts of a socket that say something of the account; what they say is up to the test. */
function attached(remembered: Remembered = nothingRemembered()) {
  const vault = memoryVault()
  const creds = { ...initAuthCreds(), me: { id: '5511900000001:2@s.whatsapp.net', lid: '9001:2@lid' } }
  const keys = new KeyStore({
    instanceId: 'a',
    vault,
    creds,
    epoch: () => 1,
    lingerMs: 0,
    onFailure: nothing,
    onInbox: nothing,
  })
  const syncs: SyncNews[] = []
  const seen: SeenNews[] = []
  const account = new Account({
    instanceId: 'a',
    keys,
    log,
    remembered,
    sync: async news => void syncs.push(news),
    seen: async news => void seen.push(news),
  })
  const ev = new EventEmitter()
  const looks: string[][] = []
  const socket = {
    ev,
    ws: new EventEmitter(),
    groupFetchAllParticipating: async () => ({}),
    groupMetadata: async () => Promise.reject(Object.assign(new Error('forbidden'), { data: 403 })),
    resyncAppState: async (names: string[]) => {
      looks.push(names)
      ev.emit('chats.update', [{ id: BOB.phone, unreadCount: 0, archived: true }])
    },
  }
  account.attach(socket as unknown as WASocket)
  return { account, creds, ev, keys, looks, seen, socket: socket as unknown as WASocket, syncs, vault }
}

test('changes made on the phone are told with both names, and the same is not told twice', async () => {
  const remembered = nothingRemembered()
  const { ev, keys, seen, syncs } = attached(remembered)
  await keys.socketKeys.set({ 'lid-mapping': { '5511900000002': '9002', '9002_reverse': '5511900000002' } })
  ev.emit('contacts.upsert', [{ id: BOB.phone, name: 'Bob' }])
  ev.emit('chats.update', [
    { id: BOB.phone, archived: true },
    { id: BOB.phone, unreadCount: 2 },
  ])
  ev.emit('chats.update', [{ id: BOB.phone, unreadCount: 0 }])
  ev.emit('lid-mapping.update', { lid: '9003@lid', pn: '5511900000003@s.whatsapp.net' })
  for (let i = 0; i < 5; i++) ev.emit('contacts.update', [{ id: BOB.phone, notify: 'B' }])
  await until(() => syncs.length === 4 && seen.length === 1, 'the news')
  const contact = { jid: BOB.phone, ...BOB }
  expect(syncs).toMatchObject([
    { contacts: [{ contact, name: 'Bob' }], inboxKey: null },
    { chats: [{ chat: contact, archived: true }] },
    { contacts: [{ contact: { lid: '9003@lid', phone: '5511900000003@s.whatsapp.net' } }] },
    { contacts: [{ contact, pushName: 'B' }] },
  ])
  expect(seen).toEqual([{ chat: contact, whatsappIds: [] }])
  // The next connection remembers.
  const next = attached(remembered)
  next.ev.emit('contacts.update', [{ id: BOB.phone, notify: 'B' }])
  next.ev.emit('contacts.update', [{ id: BOB.phone, notify: 'Bobby' }])
  await until(() => next.syncs.length > 0, 'the change')
  expect(next.syncs).toMatchObject([{ contacts: [{ pushName: 'Bobby' }] }])
})

test('an address book of thousands comes in pieces of at most 500', async () => {
  const { ev, syncs } = attached()
  const many = Array.from({ length: 1200 }, (_, i) => ({
    id: `55119${String(i).padStart(8, '0')}@s.whatsapp.net`,
    name: 'x',
  }))
  ev.emit('contacts.upsert', many)
  await until(() => syncs.length === 3, 'three pieces')
  expect(syncs.map(({ contacts }) => contacts.length)).toEqual([500, 500, 200])
})

test('the first look at the settings is taken once, when its key is there, and sees no chat as read', async () => {
  const { account, creds, ev, looks, seen, socket, syncs, vault } = attached()
  account.opened(socket)
  expect(looks).toEqual([])
  Object.assign(creds, { myAppStateKeyId: 'key' })
  ev.emit('creds.update', { myAppStateKeyId: 'key' })
  ev.emit('creds.update', { myAppStateKeyId: 'key' })
  await until(() => creds.accountSyncCounter === 1 && vault.commits > 0, 'the counter')
  await until(() => syncs.length === 1, 'the settings')
  expect(looks).toHaveLength(1)
  expect(syncs).toMatchObject([{ chats: [{ archived: true }] }])
  account.opened(socket)
  expect(looks).toHaveLength(1)
  expect(seen).toEqual([])
})

test('a group that this account may not see any more is told as left', async () => {
  const { ev, syncs } = attached()
  ev.emit('groups.update', [{ id: '120363@g.us', subject: 'New' }])
  await until(() => syncs.length === 1, 'the news')
  expect(syncs[0]!.groups).toMatchObject([{ jid: '120363@g.us', joined: false, participants: [] }])
})
