import { afterEach, expect, test } from 'vitest'
import type { Person } from '../../src/sandbox/person.ts'
import { memoryVault } from './memory-vault.ts'
import { openRig, type Rig, texts, until } from './rig.ts'

let rig: Rig
afterEach(() => rig?.close())

const BOB = '5511988880007'
const CAROL = '5511988880008'

async function linked(): Promise<{ phone: Person; bob: Person; carol: Person }> {
  rig = await openRig({ vault: memoryVault([1, 4]) })
  await rig.link('a')
  const { simulator } = rig.sandbox
  const phone = simulator.person(rig.heard('a').states.at(-1)!.phoneNumber!.slice(1))
  const carol = simulator.person(CAROL)
  simulator.pin(carol)
  carol.addressing = 'lid'
  return { phone, bob: simulator.person(BOB), carol }
}

const both = (pn: string, lid: string) => ({ phone: `${pn}@s.whatsapp.net`, lid: `${lid}@lid` })

test('a contact known by LID only is told with both names, and can be written to by either', async () => {
  const { carol } = await linked()
  await rig.say('a', CAROL, 'from my lid')
  await until(() => rig.heard('a').messages.length === 1, 'the message')
  expect(rig.heard('a').messages[0]).toMatchObject({
    chat: { jid: carol.jid('lid'), ...both(CAROL, carol.lid) },
    sender: both(CAROL, carol.lid),
  })
  for (const [i, chat] of [carol.jid('lid'), carol.jid('pn')].entries()) {
    const { whatsappId } = await rig.send('a', chat, `to ${i}`)
    await until(async () => (await rig.shown('a', CAROL)).includes(`to ${i}`), 'the message at the contact')
    await until(() => rig.heard('a').receipts.some(r => r.whatsappIds.includes(whatsappId)), 'a receipt')
    const receipt = rig.heard('a').receipts.find(r => r.whatsappIds.includes(whatsappId))!
    expect(receipt.reader).toMatchObject(both(CAROL, carol.lid))
  }
  expect(rig.undecryptable + rig.retries).toBe(0)
})

test('what the own phone sends is told as from me, in the chat it was sent to', async () => {
  const { phone, bob } = await linked()
  await phone.speaker.text(bob, 'typed on the phone')
  await until(() => rig.heard('a').messages.length === 1, 'the message')
  expect(rig.heard('a').messages[0]).toMatchObject({
    fromMe: true,
    chat: both(BOB, bob.lid),
    sender: both(phone.pn, phone.lid),
    content: { type: 'text', text: 'typed on the phone' },
  })
})

test('in a group messages go both ways, with the participant as sender and as reader', async () => {
  const { phone, bob, carol } = await linked()
  const group = rig.sandbox.simulator.group({ subject: 'Team', owner: bob, members: [phone, carol] })
  for (const from of [BOB, CAROL, BOB])
    await rig.sandbox.control.sendMessage('a', {
      from,
      chatId: group.jid,
      content: { type: 'text', text: `by ${from}` },
    })
  await until(() => rig.heard('a').messages.length === 3, 'the messages of the group')
  expect(texts(rig.heard('a'))).toEqual([`by ${BOB}`, `by ${CAROL}`, `by ${BOB}`])
  expect(rig.heard('a').messages[1]).toMatchObject({
    chat: { jid: group.jid, lid: null, phone: null },
    sender: both(CAROL, carol.lid),
    fromMe: false,
  })
  const sent = await rig.send('a', group.jid, 'to all')
  expect(sent.kind).toBe('written')
  await until(() => rig.heard('a').acks.some(a => a.whatsappId === sent.whatsappId), 'the ack')
  const readers = () =>
    rig
      .heard('a')
      .receipts.filter(r => r.status === 'read')
      .map(r => r.reader.phone)
  await until(() => readers().length === 2, 'the receipts of both')
  expect(new Set(readers())).toEqual(new Set([BOB, CAROL].map(pn => `${pn}@s.whatsapp.net`)))
  expect(rig.heard('a').receipts[0]!.chat.jid).toBe(group.jid)
  expect(rig.undecryptable + rig.retries).toBe(0)
})

test('a kind that is not read is told by its name, never dropped', async () => {
  const { phone, bob } = await linked()
  const poll = { name: 'Which?', options: [{ optionName: 'This' }], selectableOptionsCount: 1 }
  await bob.speaker.send(phone, { pollCreationMessageV3: poll })
  await bob.speaker.send(phone, { viewOnceMessage: { message: { groupInviteMessage: { groupName: 'Team' } } } })
  await bob.speaker.send(phone, { ephemeralMessage: { message: { extendedTextMessage: { text: 'vanishing' } } } })
  await until(() => rig.heard('a').messages.length === 3, 'the messages')
  expect(rig.heard('a').messages.map(m => m.content)).toEqual([
    { type: 'unsupported', kind: 'pollCreationMessageV3' },
    { type: 'unsupported', kind: 'groupInviteMessage' },
    { type: 'text', text: 'vanishing' },
  ])
  expect(rig.heard('a').messages[0]!.raw).toMatchObject({ pollCreationMessageV3: { name: 'Which?' } })
})

test('a number that is not on WhatsApp, and a chat that is none, are rejected with a code', async () => {
  await linked()
  expect(await rig.send('a', '5511900000004', 'nobody')).toMatchObject({ kind: 'rejected', code: 'not_on_whatsapp' })
  expect(await rig.send('a', 'x@newsletter', 'x')).toMatchObject({ kind: 'rejected', code: 'invalid_chat' })
  expect(await rig.send('a', '120363000000000009@g.us', 'x')).toMatchObject({
    kind: 'rejected',
    code: 'not_in_group',
  })
})

test('a message that WhatsApp refuses is told by its code', async () => {
  await linked()
  const { whatsappId } = await rig.send('a', '5511900000010', 'too much')
  await until(() => rig.heard('a').acks.some(a => a.whatsappId === whatsappId), 'the ack')
  expect(rig.heard('a').acks.find(a => a.whatsappId === whatsappId)!.errorCode).toBe('429')
})

test('twenty messages at once to a new contact all arrive, in one session', async () => {
  await linked()
  const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => rig.send('a', BOB, `m${i}`)))
  expect(outcomes.every(o => o.kind === 'written')).toBe(true)
  await until(async () => (await rig.shown('a', BOB)).length === 20, 'all of them')
  expect(rig.undecryptable + rig.retries).toBe(0)
})

test('what comes live does not overtake the backlog, nor a known contact one who is new', async () => {
  await linked()
  await rig.whatsapp.close()
  const expected: string[] = []
  const write = async (text: string, from = BOB) => {
    expected.push(text)
    await rig.say('a', from, text)
  }
  for (let i = 0; i < 40; i++) await write(`kept ${i}`, i % 3 === 0 ? CAROL : BOB)
  rig.restart()
  rig.start('a')
  await until(() => rig.heard('a').messages.length > 0, 'the first of the backlog')
  for (let i = 0; i < 20; i++) await write(`live ${i}`, i % 5 === 0 ? `55119777700${10 + i}` : BOB)
  await until(() => rig.heard('a').messages.length === expected.length, 'all of them')
  expect(texts(rig.heard('a'))).toEqual(expected)
})
