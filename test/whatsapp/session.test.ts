import { afterEach, expect, test } from 'vitest'
import { memoryVault } from './memory-vault.ts'
import { openRig, type Rig, texts, until } from './rig.ts'

let rig: Rig
afterEach(() => rig?.close())

const BOB = '5511988880001'

test('a fresh instance shows a code, is linked by a scan, sends, receives, and hears acks and receipts', async () => {
  rig = await openRig()
  await rig.link('a')
  const heard = rig.heard('a')
  expect(heard.states.map(s => s.state)).toEqual(['connecting', 'qr_required', 'connecting', 'connected'])
  const connected = heard.states.at(-1)!
  expect(connected).toMatchObject({ linked: true, lastError: null })
  expect(connected.phoneNumber).toMatch(/^\+\d{8,15}$/)
  expect(connected.lid).toMatch(/^\d+@lid$/)

  const sent = await rig.send('a', BOB, 'hello')
  expect(sent.kind).toBe('written')
  await until(async () => (await rig.shown('a', BOB)).includes('hello'), 'the message at the contact')
  await until(() => heard.acks.some(a => a.whatsappId === sent.whatsappId && a.errorCode === null), 'the ack')
  await until(() => heard.receipts.some(r => r.status === 'read'), 'the read receipt')
  expect(heard.receipts[0]).toMatchObject({
    whatsappIds: [sent.whatsappId],
    status: 'delivered',
    chat: { phone: `${BOB}@s.whatsapp.net`, lid: expect.stringMatching(/@lid$/) },
    reader: { phone: `${BOB}@s.whatsapp.net` },
  })

  const whatsappId = await rig.say('a', BOB, 'hi')
  await until(() => heard.messages.length === 1, 'the answer')
  expect(heard.messages[0]).toMatchObject({
    whatsappId,
    fromMe: false,
    chat: { phone: `${BOB}@s.whatsapp.net`, lid: expect.stringMatching(/@lid$/) },
    content: { type: 'text', text: 'hi' },
  })
})

test('a restarted gateway reconnects without a scan, and what came meanwhile is told once', async () => {
  rig = await openRig()
  await rig.link('a')
  await rig.send('a', BOB, 'hello')
  await rig.whatsapp.close()
  for (let i = 0; i < 20; i++) await rig.say('a', BOB, `while away ${i}`)
  rig.restart()
  rig.start('a')
  await until(() => rig.heard('a').messages.length === 20, 'what came while away')
  expect(rig.heard('a').states.map(s => s.state)).toEqual(['reconnecting', 'connected'])
  expect(texts(rig.heard('a'))).toEqual(Array.from({ length: 20 }, (_, i) => `while away ${i}`))
  expect(rig.retries).toBe(0)
})

test('a message to a known contact costs one transaction of keys, for the contact and the own phone together', async () => {
  const vault = memoryVault([1, 3])
  rig = await openRig({ vault })
  await rig.link('a')
  for (const text of ['one', 'two']) await rig.send('a', BOB, text)
  await until(async () => (await rig.shown('a', BOB)).length === 2, 'the first messages')
  await until(() => rig.heard('a').receipts.length >= 2, 'their receipts')
  const before = vault.commits
  for (let i = 0; i < 20; i++) await rig.send('a', BOB, `more ${i}`)
  expect(vault.commits - before).toBeLessThanOrEqual(22)
})
