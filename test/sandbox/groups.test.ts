import type { BinaryNode } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { Person } from '../../src/sandbox/person.ts'
import type { SandboxControl, SandboxGroup } from '../../src/sandbox/sandbox.ts'
import { type Client, until } from './client.ts'
import { type Harness, openHarness } from './harness.ts'

const ACCOUNT = 'groups'
const [BOB, CAROL, DAVE] = ['5511955570001', '5511955570002', '5511955570003'] as const
let h: Harness
let me: Client
let phone: Person
let control: SandboxControl
let group: SandboxGroup
/** Receipts on the wire: Baileys merges a quick one into its event of the message. */
const receipts: { id?: string; participant?: string; type?: string }[] = []

beforeAll(async () => {
  h = await openHarness({ behaviour: { registered: true, deliverAfterMs: 5, readAfterMs: 25 } })
  ;({ client: me, phone } = await h.link(ACCOUNT))
  control = controlClient(h.sandbox.controlUrl)
  me.sock.ws.on('CB:receipt', (node: BinaryNode) => receipts.push(node.attrs))
})
afterAll(() => h.close())

const person = (pn: string) => h.sandbox.simulator.person(pn)
const send = async (text: string) => (await me.sock.sendMessage(group.id, { text }))!.key.id!
const shown = (contact: string, id: string) =>
  until(async () => (await control.messages(ACCOUNT, { contact })).find(m => m.whatsappId === id))
const told = (action: string, from: number) =>
  me.wait('group-participants.update', u => u.id === group.id && u.action === action && u, { from })

describe('a group that the phone makes', () => {
  test('is told to the client, with its members and their roles', async () => {
    group = await control.group(ACCOUNT, { subject: 'Team', participants: [BOB, `+${CAROL}`, BOB] })
    expect(group).toEqual({ id: expect.stringMatching(/^\d+@g\.us$/), subject: 'Team', participantCount: 3 })
    const upsert = await me.wait('groups.upsert', gs => gs.find(g => g.id === group.id))
    expect(upsert.subject).toBe('Team')
    expect(upsert.participants.map(p => [p.id, p.admin])).toEqual([
      [phone.jid('lid'), 'superadmin'],
      [person(BOB).jid('lid'), null],
      [person(CAROL).jid('lid'), null],
    ])
    expect(upsert.participants[1]!.phoneNumber).toBe(person(BOB).jid())
  })

  test('takes real numbers only, one at least', async () => {
    for (const participants of [[], ['abc'], ['5511900000004'], [phone.pn]]) {
      await expect(control.group(ACCOUNT, { subject: 'x', participants })).rejects.toMatchObject({ code: 'invalid' })
    }
    const request = { subject: ' ', participants: [BOB] }
    await expect(control.group(ACCOUNT, request)).rejects.toMatchObject({ code: 'invalid' })
  })
})

describe('messages in a group', () => {
  test('of the client are shown by every member, who each tell that they have and have read it', async () => {
    const id = await send('to all')
    for (const contact of [BOB, CAROL]) {
      expect(await shown(contact, id)).toMatchObject({ chatId: group.id, fromMe: false, from: phone.pn })
    }
    const both = [BOB, CAROL].map(pn => person(pn).jid('lid'))
    await until(() => both.every(p => receipts.some(r => r.id === id && r.participant === p && !r.type)))
    await until(() => both.every(p => receipts.some(r => r.id === id && r.participant === p && r.type === 'read')))
  })

  test('of a contact reach the client and the other members, with reactions of all of them', async () => {
    const content = { type: 'text', text: 'from bob' } as const
    const { whatsappId } = await control.sendMessage(ACCOUNT, { from: BOB, content, chatId: group.id })
    const m = await me.text('from bob')
    expect(m.key).toMatchObject({ id: whatsappId, remoteJid: group.id, participant: person(BOB).jid('lid') })
    expect(await shown(CAROL, whatsappId)).toMatchObject({ fromMe: false, from: BOB, chatId: group.id })
    await control.reaction(ACCOUNT, { contact: CAROL, whatsappId, emoji: '🎉' })
    const reaction = await me.wait('messages.reaction', rs => rs.find(r => r.reaction.text === '🎉'))
    expect(reaction.key).toMatchObject({ id: whatsappId, participant: person(BOB).jid('lid') })
    await me.sock.sendMessage(group.id, { react: { text: '👍', key: m.key } })
    const all = [
      { from: CAROL, emoji: '🎉' },
      { from: phone.pn, emoji: '👍' },
    ]
    for (const contact of [BOB, CAROL]) {
      await until(async () => (await shown(contact, whatsappId)).reactions.length === 2)
      expect((await shown(contact, whatsappId)).reactions).toEqual(all)
    }
  })

  test('a contact answers, edits and deletes its own; the admin deletes anyone’s', async () => {
    const asked = await send('question')
    await shown(BOB, asked)
    const said = { type: 'text', text: 'anwser' } as const
    const answer = { from: BOB, content: said, chatId: group.id, quotedWhatsappId: asked }
    const { whatsappId } = await control.sendMessage(ACCOUNT, answer)
    const m = await me.text('anwser')
    expect(m.message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: asked,
      participant: phone.jid('lid'),
    })
    await control.editMessage(ACCOUNT, { contact: BOB, whatsappId, text: 'answer' })
    expect(await shown(CAROL, whatsappId)).toMatchObject({ edited: true, content: { text: 'answer' } })
    const carols = { contact: CAROL, whatsappId }
    await expect(control.deleteMessage(ACCOUNT, carols)).rejects.toMatchObject({ code: 'invalid' })
    await me.sock.sendMessage(group.id, { delete: structuredClone(m.key) })
    await until(async () => (await shown(CAROL, whatsappId)).deleted)
    await until(async () => (await shown(BOB, whatsappId)).deleted)
  })

  test('of the phone itself reach the members and, as its own, the client', async () => {
    const content = { type: 'text', text: 'from the phone' } as const
    const { whatsappId } = await control.sendFromPhone(ACCOUNT, { to: group.id, content })
    expect((await me.text('from the phone')).key).toMatchObject({ fromMe: true, id: whatsappId, remoteJid: group.id })
    for (const contact of [BOB, CAROL]) {
      expect(await shown(contact, whatsappId)).toMatchObject({ fromMe: false, from: phone.pn })
    }
    await until(() => receipts.filter(r => r.id === whatsappId && r.type === 'read').length === 2)
  })

  test('to a large group come back with the receipts of a hundred members', async () => {
    const many = Array.from({ length: 120 }, (_, i) => String(5_511_955_580_000 + i))
    const large = await control.group(ACCOUNT, { subject: 'Large', participants: many })
    expect(large.participantCount).toBe(121)
    const content = { type: 'text', text: 'hello, all' } as const
    const { whatsappId } = await control.sendFromPhone(ACCOUNT, { to: large.id, content })
    await shown(many.at(-1)!, whatsappId)
    const read = () => receipts.filter(r => r.id === whatsappId && r.type === 'read').length
    await until(() => read() === 99)
    const later = await control.sendFromPhone(ACCOUNT, { to: group.id, content: { type: 'text', text: 'later' } })
    await until(() => receipts.some(r => r.id === later.whatsappId && r.type === 'read'))
    expect(read()).toBe(99)
  })
})

describe('a group changes', () => {
  test('members who come and go, and its name, are told to the client', async () => {
    let from = me.events.length
    const larger = await control.changeGroup(ACCOUNT, { id: group.id, add: [DAVE] })
    expect(larger.participantCount).toBe(4)
    const added = await told('add', from)
    expect(added.participants[0]).toMatchObject({ id: person(DAVE).jid('lid'), phoneNumber: person(DAVE).jid() })
    const id = await send('with dave')
    await shown(DAVE, id)
    from = me.events.length
    await control.changeGroup(ACCOUNT, { id: group.id, remove: [DAVE], subject: 'Without Dave' })
    expect((await told('remove', from)).participants[0]).toMatchObject({ id: person(DAVE).jid('lid') })
    await me.wait('groups.update', gs => gs.find(g => g.id === group.id && g.subject === 'Without Dave'), { from })
    const gone = { from: DAVE, chatId: group.id, content: { type: 'text', text: 'x' } } as const
    await expect(control.sendMessage(ACCOUNT, gone)).rejects.toMatchObject({ code: 'invalid' })
  })

  test('one that the client makes is told to it and to the other members', async () => {
    const other = await h.link('groups-other')
    const from = me.events.length
    const made = await me.sock.groupCreate('Made here', [other.phone.jid()])
    await other.client.wait('groups.upsert', gs => gs.find(g => g.id === made.id))
    await me.wait('groups.upsert', gs => gs.find(g => g.id === made.id), { from })
    await me.sock.groupParticipantsUpdate(made.id, [other.phone.jid()], 'remove')
    const removed = await other.client.wait('group-participants.update', u => u.action === 'remove' && u)
    expect(removed.participants[0]).toMatchObject({ id: other.phone.jid('lid') })
  })
})

test('no stanza was left without a handler, and nothing failed inside', () => {
  expect(h.unhandled).toEqual([])
  expect(h.errors).toEqual([])
})
