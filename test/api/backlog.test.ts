import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

/** What waited while an instance was away, and what people are called meanwhile. */

let wataki: TestApp
let acme: Caller

beforeAll(async () => {
  wataki = await openTestApp({ QUOTA: 'off' })
  acme = await wataki.tenant()
})
afterAll(() => wataki.close())

const rows = (text: string, params: unknown[]): Promise<Json[]> => wataki.app.db.sql.query<Json>(text, params)

describe('after an absence', () => {
  const SAID = 400
  const SENT = 100
  const CONTACTS = ['5511955500001', '5511955500002', '5511955500003', '5511955500004']

  it('500 messages, 100 of them sent on the phone, are stored once each, with one event each, in order', async () => {
    const bot = await connectedInstance(acme, 'away')
    const sandbox = wataki.app.sandbox!
    await acme.post(`/v1/instances/${bot}/disconnect`)
    const ids: string[] = []
    for (let i = 0; i < SAID + SENT; i++) {
      const contact = CONTACTS[i % CONTACTS.length]!
      const content = { type: 'text', text: `n ${i}` } as const
      const { whatsappId } =
        i % 5 === 4
          ? await sandbox.sendFromPhone(bot, { to: contact, content })
          : await sandbox.sendMessage(bot, { from: contact, content })
      ids.push(whatsappId)
    }
    await acme.post(`/v1/instances/${bot}/connect`)
    const stored = () =>
      rows(
        `select message.id, direction, whatsapp_id, content->>'text' as text, chat from message
         where instance_id = $1 order by id`,
        [bot],
      )
    const all = await until(stored, found => found.length >= SAID + SENT, 60_000)
    expect(all.map(row => row.whatsapp_id).sort()).toEqual([...ids].sort())
    expect(all.filter(row => row.direction === 'outbound')).toHaveLength(SENT)
    for (const chat of new Set(all.map(row => row.chat))) {
      const numbers = all.filter(row => row.chat === chat).map(row => Number(row.text.slice(2)))
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    }
    const told = await rows(
      `select about, count(*)::int as times from event
       where instance_id = $1 and type in ('message.received', 'message.created') group by about`,
      [bot],
    )
    expect(told).toHaveLength(SAID + SENT)
    expect(told.filter(({ times }) => times !== 1)).toEqual([])
  }, 120_000)
})

describe('people under two names', () => {
  const PEOPLE = 25
  const ROUNDS = 5

  it('have one chat each, whichever name a message, an answer or a receipt uses and whenever the pair is learnt', async () => {
    const bot = await connectedInstance(acme, 'names')
    const path = `/v1/instances/${bot}`
    const sandbox = wataki.app.sandbox!
    const sent: string[] = []
    let said = 0
    const contactOf = (n: number) => `55119444000${String(n).padStart(2, '0')}`
    const lidOf = (n: number) => `9${contactOf(n).padStart(14, '0')}@lid`
    const say = async (n: number, text: string, hideNumber: boolean) => {
      await sandbox.sendMessage(bot, { from: contactOf(n), hideNumber, content: { type: 'text', text } })
      said++
    }
    const send = async (chat: string, text: string) => {
      const answer = await acme.post(`${path}/messages`, { chat_id: chat, type: 'text', content: { text } })
      expect(answer.status).toBe(202)
      sent.push(answer.body.id)
    }
    // A third writes first and hides the number, a third is written to by number, a third by the other name.
    for (let round = 0; round < ROUNDS; round++) {
      for (let n = 0; n < PEOPLE; n++) {
        const kind = (n + round) % 3
        if (kind === 0) await say(n, `hidden ${n} ${round}`, true)
        else if (kind === 1) await send(contactOf(n), `by number ${n} ${round}`)
        else {
          await say(n, `shown ${n} ${round}`, false)
          await send(round > 1 ? lidOf(n) : contactOf(n), `by either ${n} ${round}`)
        }
      }
    }
    const texts = () => rows(`select count(*)::int as n from message where instance_id = $1 and type = 'text'`, [bot])
    await until(texts, ([row]) => row.n === sent.length + said)
    const statuses = () =>
      rows(
        `select status, count(*)::int as n from message where instance_id = $1 and direction = 'outbound' group by 1`,
        [bot],
      )
    await until(statuses, found => found.length === 1 && found[0].status === 'read', 30_000)
    const chats = await rows('select phone, lid from chat where instance_id = $1 and group_jid is null', [bot])
    expect(chats).toHaveLength(PEOPLE)
    expect(new Set(chats.map(({ phone }) => phone)).size).toBe(PEOPLE)
    const doubles = await rows(
      'select whatsapp_id from message where instance_id = $1 group by whatsapp_id having count(*) > 1',
      [bot],
    )
    expect(doubles).toEqual([])
    const list = (await acme.get(`${path}/chats?limit=200`)).body.data
    expect(list.map((chat: Json) => chat.id).sort()).toEqual(
      Array.from({ length: PEOPLE }, (_, n) => `${contactOf(n)}@s.whatsapp.net`).sort(),
    )
  }, 120_000)
})
