import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { BaileysEventMap } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { PhoneChat, SandboxControl } from '../../src/sandbox/sandbox.ts'
import { Client, silent, until } from './client.ts'
import { type Harness, openHarness } from './harness.ts'
import { reachDirectPaths } from './strict.ts'

const [BOB, CAROL] = ['5511955590001', '5511955590002'] as const
const MUTED_UNTIL = '2030-01-01T00:00:00.000Z'
const jid = (pn: string) => `${pn}@s.whatsapp.net`
let h: Harness
let control: SandboxControl
let restore: () => void

beforeAll(async () => {
  h = await openHarness({ historyInlineMaxBytes: 4_000 })
  control = controlClient(h.sandbox.controlUrl)
  restore = reachDirectPaths(h.sandbox.network.mediaUrl)
})
afterAll(async () => {
  restore()
  await h.close()
})

type History = BaileysEventMap['messaging-history.set']
const bootstrap = (client: Client) =>
  client.wait('messaging-history.set', set => (set.syncType === 0 ? set : null)) as Promise<History>

const versionOf = (client: Client, collection: string) =>
  (client.auth.data.get(`app-state-sync-version:${collection}`) as { version: number } | undefined)?.version

const CHATS: PhoneChat[] = [
  {
    with: BOB,
    name: 'Bob from work',
    pushName: 'bobby',
    archived: true,
    unreadCount: 3,
    messages: [
      { whatsappId: 'OLD1', fromMe: false, text: 'long ago', at: '2025-01-01T10:00:00.000Z' },
      { whatsappId: 'OLD2', fromMe: true, text: 'indeed', at: '2025-01-02T10:00:00.000Z' },
    ],
  },
  { with: CAROL, name: 'Carol', pinned: true, mutedUntil: MUTED_UNTIL },
]

describe('the first login of a device', () => {
  let client: Client

  test('brings chats and names, what is archived, pinned, muted and unread, and groups', async () => {
    const group = await control.group('a', { subject: 'Old friends', participants: [BOB] })
    await control.phoneChats('a', { chats: CHATS })
    ;({ client } = await h.link('a'))
    const { chats, contacts, messages } = await bootstrap(client)
    const of = (id: string) => chats.find(chat => chat.id === id)
    expect(of(jid(BOB))).toMatchObject({ archived: true, unreadCount: 3, lidJid: h.contact(BOB).jid('lid') })
    expect(Number(of(jid(CAROL))?.pinned)).toBeGreaterThan(0)
    expect(Number(of(jid(CAROL))?.muteEndTime)).toBe(Date.parse(MUTED_UNTIL))
    expect(of(group.id)).toMatchObject({ name: 'Old friends' })
    expect(contacts.find(c => c.id === jid(BOB))).toMatchObject({ name: 'Bob from work' })
    expect(messages.map(m => [m.key.id, m.key.fromMe, m.message?.conversation])).toEqual([
      ['OLD2', true, 'indeed'],
      ['OLD1', false, 'long ago'],
    ])
    await client.wait('messaging-history.set', set => set.contacts.find(c => c.notify === 'bobby'))
    const known = await client.sock.signalRepository.lidMapping.getLIDForPN(jid(CAROL))
    expect(known).toBe(h.contact(CAROL).jid('lid'))
  })

  test('brings the names of the address book by the app state too', async () => {
    await until(() => versionOf(client, 'critical_unblock_low') === 2)
    expect(versionOf(client, 'regular_low')).toBe(2)
  })

  test('later changes are told to the linked devices, and what a device changes is taken up by the phone', async () => {
    const from = client.events.length
    await control.phoneChats('a', { chats: [{ with: CAROL, name: 'Caroline', archived: true, mutedUntil: null }] })
    await client.wait('contacts.upsert', cs => cs.find(c => c.name === 'Caroline'), { from })
    await client.wait('chats.update', cs => cs.find(c => c.id === jid(CAROL) && c.archived), { from })
    await client.wait('chats.update', cs => cs.find(c => c.id === jid(CAROL) && c.muteEndTime === null), { from })
    await client.sock.chatModify({ mute: 3_600_000 }, jid(BOB))
    // two of the phone before it, one of the device, and one on top of that
    await control.phoneChats('a', { chats: [{ with: CAROL, mutedUntil: MUTED_UNTIL }] })
    await until(() => versionOf(client, 'regular_high') === 4)
  })

  test('a second device of the phone is brought all of it', async () => {
    const warnings: string[] = []
    const log = { ...silent, warn: (_: unknown, message: string) => void warnings.push(message) }
    const logger = { ...log, child: () => logger }
    // each patch is checked against the sum of those before it
    const appStateMacVerification = { patch: true, snapshot: true }
    const second = new Client(h.sandbox.network, { config: { logger, appStateMacVerification } }).connect()
    await control.scan('a', { qr: await second.qr() })
    const { chats } = await bootstrap(second)
    expect(chats.find(chat => chat.id === jid(CAROL))).toMatchObject({ archived: true })
    await until(() => versionOf(second, 'critical_unblock_low') === 3)
    await until(() => versionOf(second, 'regular_high') === 4)
    expect(warnings.filter(w => /patch|LTHash|sync/i.test(w))).toEqual([])
    second.reconnect = () => false
    await second.close()
  })
})

describe('a history that is too large for a stanza', () => {
  test('comes through the media host, encrypted', async () => {
    const messages = Array.from({ length: 500 }, (_, i) => ({
      fromMe: i % 2 === 0,
      text: `${i} ${Math.sin(i)}`,
      at: new Date(1_735_689_600_000 + i * 60_000).toISOString(),
    }))
    await control.phoneChats('b', { chats: [{ with: BOB, name: 'Bob', messages }] })
    const files = (await readdir(join(h.dataDir, 'media'))).length
    const { client } = await h.link('b')
    const set = await bootstrap(client)
    expect(set.messages).toHaveLength(500)
    expect(await readdir(join(h.dataDir, 'media'))).toHaveLength(files + 1)
  })
})

describe('what a phone is asked to remember', () => {
  test('is checked: people on WhatsApp, groups that it is in, times', async () => {
    for (const chat of [
      { with: 'abc' },
      { with: '5511900000004' },
      { with: '1203630000000@g.us' },
      { with: BOB, mutedUntil: 'tomorrow' },
      { with: BOB, name: 'x'.repeat(201) },
      {},
    ]) {
      const request = { chats: [chat as PhoneChat] }
      await expect(control.phoneChats('a', request), JSON.stringify(chat)).rejects.toMatchObject({ code: 'invalid' })
    }
  })
})

test('no stanza was left without a handler, and nothing failed inside', () => {
  expect(h.unhandled).toEqual([])
  expect(h.errors).toEqual([])
})
