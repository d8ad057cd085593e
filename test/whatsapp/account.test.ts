import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { proto } from '@whiskeysockets/baileys'
import { afterEach, expect, test } from 'vitest'
import type { Person } from '../../src/sandbox/person.ts'
import { child, el } from '../../src/sandbox/stanza.ts'
import { MAC_BYTES, mediaKeys } from '../../src/whatsapp/media/kind.ts'
import type { SyncNews } from '../../src/whatsapp/whatsapp.ts'
import type { MemoryVault } from './memory-vault.ts'
import { openRig, type Rig, texts, until } from './rig.ts'

let rig: Rig<MemoryVault>
afterEach(() => rig?.close())

const BOB = '5511988880041'
const CAROL = '5511988880042'

async function linked(setup: Parameters<typeof openRig>[0] = {}) {
  rig = (await openRig({ ...setup })) as Rig<MemoryVault>
  await rig.link('a')
  const { simulator } = rig.sandbox
  const phone = simulator.person(rig.heard('a').states.at(-1)!.phoneNumber!.slice(1))
  return { phone, bob: simulator.person(BOB), carol: simulator.person(CAROL) }
}

const syncs = (): SyncNews[] => rig.heard('a').syncs
const contactNews = (jid: string) =>
  syncs().flatMap(({ contacts }) => contacts.filter(({ contact }) => contact.phone === jid || contact.lid === jid))
const chatNews = (jid: string) => syncs().flatMap(({ chats }) => chats.filter(({ chat }) => chat.jid === jid))
const groupNews = (jid: string) => syncs().flatMap(({ groups }) => groups.filter(group => group.jid === jid))
const unsettled = async () => (await rig.vault.unsettled('a', 100)).length

/** The phone's first words to a new device: a key, and three pieces of history. */
const FIRST_WORDS = 4
const historyOfTheLink = () =>
  until(async () => {
    const rows = [...rig.vault.kept.get('a')!.inbox.values()]
    return rows.filter(({ stanza }) => stanza.category === 'peer').length >= FIRST_WORDS && (await unsettled()) === 0
  }, 'the history of the link')

const { HISTORY_SYNC_NOTIFICATION } = proto.Message.ProtocolMessage.Type
const { RECENT } = proto.HistorySync.HistorySyncType
const companionOf = (phone: Person) => [...phone.companions.values()][0]!

const encoded = (history: Partial<proto.IHistorySync>) =>
  deflateSync(proto.HistorySync.encode({ syncType: RECENT, ...history } as proto.IHistorySync).finish())

const tellHistory = (phone: Person, notification: proto.Message.IHistorySyncNotification) =>
  phone.speaker.peer(companionOf(phone), {
    protocolMessage: { type: HISTORY_SYNC_NOTIFICATION, historySyncNotification: { syncType: 3, ...notification } },
  })

/** History as a blob at the media host. */
async function hosted(history: Partial<proto.IHistorySync>) {
  const packed = encoded(history)
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = mediaKeys(mediaKey, 'history')
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const body = Buffer.concat([cipher.update(packed), cipher.final()])
  const mac = createHmac('sha256', macKey).update(iv).update(body).digest().subarray(0, MAC_BYTES)
  const { url } = await rig.sandbox.simulator.media.publish('image', Buffer.concat([body, mac]))
  const fileSha256 = createHash('sha256').update(packed).digest()
  return { directPath: new URL(url).pathname, mediaKey, fileSha256, fileLength: packed.length }
}

test('what the phone hands over at the link is told: chats, names and pairs; its messages are not', async () => {
  rig = (await openRig()) as Rig<MemoryVault>
  const heard = rig.heard('a')
  rig.start('a')
  await until(() => heard.qrs.length > 0, 'a QR code')
  const bob = rig.sandbox.simulator.person(BOB)
  rig.sandbox.simulator.events.on('linked', ({ person }) => {
    const message = { key: { remoteJid: bob.jid(), id: 'OLD' }, message: { conversation: 'an old message' } }
    person.phone.history = [
      {
        id: bob.jid(),
        lidJid: bob.jid('lid'),
        displayName: 'Bob of old',
        unreadCount: 3,
        archived: true,
        pinned: 1_700_000_000,
        muteEndTime: -1,
        conversationTimestamp: 1_700_000_100,
        messages: [{ message }],
      },
      { id: '120363000000000001@g.us', name: 'Team' },
      { id: 'status@broadcast' },
      { id: '1@newsletter' },
    ]
  })
  await rig.sandbox.control.scan('a', { qr: heard.qrs.at(-1)!.qr })
  await until(() => chatNews(bob.jid()).length > 0, 'the chat')
  await until(async () => (await unsettled()) === 0, 'the settling of all history')
  expect(chatNews(bob.jid())[0]).toEqual({
    chat: { jid: bob.jid(), phone: bob.jid(), lid: bob.jid('lid') },
    name: 'Bob of old',
    unreadCount: 3,
    archived: true,
    pinnedAt: new Date(1_700_000_000_000),
    mutedUntil: new Date('9999-12-31T23:59:59Z'),
    lastMessageAt: new Date(1_700_000_100_000),
  })
  expect(contactNews(bob.jid())).toContainEqual({
    contact: { jid: bob.jid(), phone: bob.jid(), lid: bob.jid('lid') },
    name: 'Bob of old',
  })
  expect(chatNews('120363000000000001@g.us')).toMatchObject([{ name: 'Team' }])
  expect(syncs().flatMap(({ chats }) => chats)).toHaveLength(2)
  const [own] = heard.states.slice(-1)
  const me = contactNews(`${own!.phoneNumber!.slice(1)}@s.whatsapp.net`)
  expect(me.some(({ pushName }) => pushName)).toBe(true)
  expect(heard.messages).toEqual([])
})

test('history is told in pieces of at most 500, the last of which settles it; a crash before tells it anew', async () => {
  const { phone } = await linked()
  await historyOfTheLink()
  syncs().length = 0
  const pushnames = Array.from({ length: 1201 }, (_, i) => ({
    id: `5511970${10_000 + i}@s.whatsapp.net`,
    pushname: `P${i}`,
  }))
  let refused = false
  rig.onSync = news => {
    if (news.inboxKey && !refused) {
      refused = true
      throw new Error('the house is away')
    }
  }
  await tellHistory(phone, await hosted({ pushnames }))
  await until(() => syncs().some(({ inboxKey }) => inboxKey), 'the last piece')
  expect(refused).toBe(true)
  const sizes = syncs().map(({ contacts, inboxKey }) => [contacts.length, inboxKey !== null])
  expect(sizes).toEqual([
    [500, false],
    [500, false],
    [500, false],
    [500, false],
    [201, true],
  ])
  await until(async () => (await unsettled()) === 0, 'the settling')
})

test('history that is slow, or cannot be had, holds back no live message', async () => {
  const { phone, bob } = await linked({ options: { download: { totalMs: 60_000, idleMs: 60_000 } } })
  await historyOfTheLink()
  const { media } = rig.sandbox.simulator
  media.faults.download = 503
  await tellHistory(phone, await hosted({ pushnames: [{ id: bob.jid(), pushname: 'Late' }] }))
  await until(async () => (await unsettled()) === 1, 'the notification')
  for (let i = 0; i < 5; i++) await bob.speaker.text(phone, `live ${i}`)
  await until(() => texts(rig.heard('a')).length === 5, 'the live messages')
  expect(await unsettled()).toBe(1)
  media.faults.download = null
  await until(() => contactNews(bob.jid()).some(({ pushName }) => pushName === 'Late'), 'the late history')
  await until(async () => (await unsettled()) === 0, 'the settling')
})

test('history that is a bomb, garbled, at a place of its own or of another key is settled, and told in nothing', async () => {
  const { phone, bob } = await linked()
  await historyOfTheLink()
  syncs().length = 0
  const bomb = deflateSync(Buffer.alloc(200 * 1024 * 1024))
  const good = await hosted({ pushnames: [{ id: bob.jid(), pushname: 'X' }] })
  for (const notification of [
    { initialHistBootstrapInlinePayload: bomb },
    { initialHistBootstrapInlinePayload: Buffer.from('nonsense') },
    { initialHistBootstrapInlinePayload: deflateSync(Buffer.from([0x12, 0xff, 0xff, 0x03, 1])) },
    { ...good, directPath: '@evil.example/x' },
    { ...good, fileLength: 2 ** 40 },
    {},
  ])
    await tellHistory(phone, notification)
  await bob.speaker.text(phone, 'after all that')
  await until(() => texts(rig.heard('a')).includes('after all that'), 'the message')
  await until(async () => (await unsettled()) === 0, 'the settling')
  expect(syncs().filter(({ contacts }) => contacts.some(({ pushName }) => pushName === 'X'))).toEqual([])
})

test('history of another than the own phone is none', async () => {
  const { phone, bob } = await linked()
  await historyOfTheLink()
  syncs().length = 0
  const payload = encoded({ pushnames: [{ id: bob.jid(), pushname: 'Forged' }] })
  const historySyncNotification = { initialHistBootstrapInlinePayload: payload, syncType: 3 }
  const forged = { protocolMessage: { type: HISTORY_SYNC_NOTIFICATION, historySyncNotification } }
  await bob.speaker.send(phone, forged)
  await bob.speaker.peer(companionOf(phone), forged)
  await bob.speaker.text(phone, 'after')
  await until(() => texts(rig.heard('a')).includes('after'), 'the message')
  expect(contactNews(bob.jid()).filter(({ pushName }) => pushName === 'Forged')).toEqual([])
})

test('groups are told at the opening, anew when something changes, and once more when the account is put out', async () => {
  const { phone, bob, carol } = await linked()
  await rig.whatsapp.close()
  const { simulator } = rig.sandbox
  const group = simulator.group({ subject: 'Team', owner: bob, members: [phone, carol] })
  rig.restart()
  rig.start('a')
  await until(() => groupNews(group.jid).length === 1, 'the group')
  expect(groupNews(group.jid)[0]).toMatchObject({
    subject: 'Team',
    owner: { lid: bob.jid('lid'), phone: bob.jid() },
    announce: false,
    locked: false,
    joined: true,
    createdAt: expect.any(Date),
    participants: [
      { address: { lid: bob.jid('lid'), phone: bob.jid() }, role: 'superadmin' },
      { address: { lid: phone.jid('lid') }, role: 'member' },
      { address: { lid: carol.jid('lid') }, role: 'member' },
    ],
  })
  group.row.subject = 'New team'
  group.row.announce = true
  simulator.notifyGroup(group, bob, el('subject', { subject: 'New team', s_t: simulator.now() }))
  simulator.notifyGroup(group, bob, el('announcement'))
  await until(
    () => groupNews(group.jid).some(({ subject, announce }) => subject === 'New team' && announce),
    'the change',
  )
  const told = groupNews(group.jid).length
  // Again without a change: nobody is told.
  simulator.notifyGroup(group, bob, el('announcement'))
  simulator.notifyGroup(group, bob, el('remove', {}, [el('participant', { jid: phone.jid('lid') })]))
  group.remove(phone)
  await until(() => groupNews(group.jid).some(({ joined }) => !joined), 'the end')
  expect(groupNews(group.jid)).toHaveLength(told + 1)
  expect(groupNews(group.jid).at(-1)).toMatchObject({ participants: [], joined: false })
})

test('whom a group message goes to is asked once, and anew after a change', async () => {
  const { phone, bob, carol } = await linked()
  const { simulator } = rig.sandbox
  await historyOfTheLink()
  const group = simulator.group({ subject: 'Team', owner: bob, members: [phone] })
  let questions = 0
  simulator.trace = (from, node) => {
    if (from === 'client' && node.attrs.xmlns === 'w:g2' && child(node, 'query')) questions++
  }
  const readers: string[] = []
  simulator.events.on('message', ({ person, text }) => readers.push(`${person.pn} ${text}`))
  simulator.notifyGroup(group, bob, el('announcement'))
  await until(() => questions === 1 && groupNews(group.jid).length > 0, 'the group')
  const before = questions
  for (const text of ['one', 'two']) await rig.send('a', group.jid, text)
  await until(() => readers.includes(`${BOB} two`), 'the messages')
  expect(questions).toBe(before)
  // Of how long messages stay Baileys tells nobody, and it goes along with each.
  simulator.notifyGroup(group, bob, el('ephemeral', { expiration: 86_400 }))
  await bob.speaker.text(phone, 'after the change')
  await until(() => texts(rig.heard('a')).includes('after the change'), 'what came after it')
  await rig.send('a', group.jid, 'two and a half')
  await until(() => readers.includes(`${BOB} two and a half`), 'the message between')
  expect(questions).toBe(before + 1)
  group.set(carol, null)
  simulator.notifyGroup(group, bob, el('add', {}, [el('participant', { jid: carol.jid('lid') })]))
  await until(() => groupNews(group.jid).at(-1)!.participants.length === 3, 'the new member')
  await rig.send('a', group.jid, 'three')
  await until(() => readers.includes(`${CAROL} three`), 'the message at the new member')
  expect(rig.undecryptable + rig.retries).toBe(0)
})

test('what the account reads on its phone is told as seen', async () => {
  const { phone, bob } = await linked()
  const id = await bob.speaker.text(phone, 'hello')
  await until(() => rig.heard('a').messages.length === 1, 'the message')
  const attrs = { from: phone.jid(), recipient: bob.jid(), id, type: 'read', t: rig.sandbox.simulator.now() }
  companionOf(phone).deliver(el('receipt', attrs))
  await until(() => rig.heard('a').seen.length === 1, 'the news')
  expect(rig.heard('a').seen[0]).toEqual({
    chat: { jid: bob.jid(), phone: bob.jid(), lid: bob.jid('lid') },
    whatsappIds: [id],
  })
  expect(rig.heard('a').receipts).toEqual([])
})
