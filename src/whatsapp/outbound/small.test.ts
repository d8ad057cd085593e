import type { USyncQuery, WASocket } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { lookUp, markRead, presence } from './small.ts'

/** WhatsApp's answers: a number without the ninth digit, one that is nobody's, one with a LID. */
const KNOWN: Record<string, { id: string; lid?: string }> = {
  '5531988880001': { id: '553188880001@s.whatsapp.net' },
  '5531988880002': { id: '553188880002@s.whatsapp.net' },
  '5511988880003': { id: '5511988880003@s.whatsapp.net', lid: '9003@lid' },
}

function socketOf(answers: (phones: string[]) => { id: string; lid?: string }[] | undefined) {
  const asked: string[][] = []
  const executeUSyncQuery = async ({ users }: USyncQuery) => {
    const phones = users.map(({ phone = '' }) => phone.replace('+', ''))
    asked.push(phones)
    const list = answers(phones)?.map(user => ({ ...user, contact: true }))
    return list && { list: [...list, { id: '5511900000000@s.whatsapp.net', contact: false }], sideList: [] }
  }
  return { asked, socket: { executeUSyncQuery } as unknown as WASocket }
}

test('a number is answered under the name it was asked by, also when WhatsApp knows it by another', async () => {
  const { asked, socket } = socketOf(phones => phones.flatMap(phone => KNOWN[phone] ?? []))
  const answer = await lookUp(socket, ['+5511988880003', '5531988880001', '5531988880002', '551100', '551100', ''])
  expect(answer).toEqual({
    kind: 'answered',
    found: [
      {
        phone: '5511988880003',
        address: { jid: '5511988880003@s.whatsapp.net', phone: '5511988880003@s.whatsapp.net', lid: '9003@lid' },
      },
      { phone: '5531988880001', address: expect.objectContaining({ phone: '553188880001@s.whatsapp.net' }) },
      { phone: '5531988880002', address: expect.objectContaining({ phone: '553188880002@s.whatsapp.net' }) },
    ],
  })
  expect(asked).toEqual([
    ['5511988880003', '5531988880001', '5531988880002', '551100'],
    ['5531988880001'],
    ['5531988880002'],
  ])
})

test('nobody is asked for nothing, at most 100 are, and silence is a failure', async () => {
  const nobody = socketOf(() => [])
  expect(await lookUp(nobody.socket, ['x', ''])).toEqual({ kind: 'answered', found: [] })
  expect(nobody.asked).toEqual([])
  await lookUp(
    nobody.socket,
    Array.from({ length: 150 }, (_, i) => String(5_511_988_880_000 + i)),
  )
  expect(nobody.asked[0]).toHaveLength(100)
  expect(await lookUp(socketOf(() => undefined).socket, ['5511988880003'])).toMatchObject({ kind: 'failed' })
})

test('reads go out in lists of bounded length, with the writer in a group only; a failure is told', async () => {
  const keys: { participant?: string }[][] = []
  const socket = {
    readMessages: async (list: { participant?: string }[]) => void keys.push(list),
  } as unknown as WASocket
  const whatsappIds = Array.from({ length: 450 }, (_, i) => `M${i}`)
  const read = { sender: '9002@lid', whatsappIds }
  expect(await markRead(socket, { ...read, chat: '120363@g.us' })).toEqual({ kind: 'written' })
  expect(keys.map(list => list.length)).toEqual([200, 200, 50])
  expect(keys[0]![0]).toEqual({ remoteJid: '120363@g.us', id: 'M0', fromMe: false, participant: '9002@lid' })
  await markRead(socket, { ...read, chat: '9002@lid', whatsappIds: ['X'] })
  expect(keys.at(-1)).toEqual([{ remoteJid: '9002@lid', id: 'X', fromMe: false }])
  const broken = { sendPresenceUpdate: () => Promise.reject(new Error('closed')) } as unknown as WASocket
  expect(await presence(broken, { chat: '9002@lid', state: 'composing' })).toEqual({
    kind: 'failed',
    message: 'closed',
  })
})
