import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { joinChats } from '../../src/db/queries/chat-sync.ts'
import { chatOf } from '../../src/db/queries/chats.ts'
import { insertMessage } from '../../src/db/queries/messages.ts'
import { newId } from '../../src/ids.ts'
import { onSeen } from '../../src/resolvers/chats/onSeen.ts'
import { onSync } from '../../src/resolvers/chats/onSync.ts'
import type { Address, SyncNews } from '../../src/whatsapp/whatsapp.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let other: Caller
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  other = await wataki.tenant()
})
afterAll(() => wataki.close())

let made = 0
async function newInstance(caller = acme): Promise<string> {
  return (await caller.post('/v1/instances', { name: `bot ${++made}` })).body.id
}
const phoneOf = (n: number) => `55119999${10_000 + n}@s.whatsapp.net`
const lidOf = (n: number) => `1000000000${10_000 + n}@lid`
const person = (phone: number | null, lid: number | null = null): Address => {
  const names = { phone: phone === null ? null : phoneOf(phone), lid: lid === null ? null : lidOf(lid) }
  return { jid: (names.phone ?? names.lid)!, ...names }
}
const GROUP = '120363000000000001@g.us'
const sync = (instanceId: string, news: Partial<SyncNews>) =>
  onSync(wataki.app, instanceId, { inboxKey: null, chats: [], contacts: [], groups: [], ...news })
const list = async (instanceId: string, what = 'chats', caller = acme): Promise<Json[]> => {
  const { status, body } = await caller.get(`/v1/instances/${instanceId}/${what}`)
  expect(status).toBe(200)
  return body.data
}

interface Given {
  chat: Address
  direction?: 'inbound' | 'outbound'
  quotes?: string
}
/** A message in the table, as from a phone. */
async function message(instanceId: string, { chat, direction = 'inbound', quotes }: Given): Promise<string> {
  const id = newId('msg')
  const now = new Date()
  await wataki.app.db.transaction(async sql => {
    const names = { groupJid: chat.jid.endsWith('@g.us') ? chat.jid : null, phone: chat.phone, lid: chat.lid }
    const found = await chatOf(sql, { instanceId, names, now })
    await insertMessage(sql, {
      id,
      instanceId,
      whatsappId: id,
      chat: found!.id,
      sender: chat.jid,
      direction,
      type: 'text',
      status: direction === 'inbound' ? 'delivered' : 'sent',
      content: { text: id },
      timestamp: now,
      createdAt: now,
      quotedMessageId: quotes ?? null,
    })
  })
  return id
}

describe('GET /v1/instances/{instance_id}/chats', () => {
  it('lists what the phone tells, with every field', async () => {
    const bot = await newInstance()
    const at = new Date('2026-01-02T03:04:05.678Z')
    await sync(bot, {
      chats: [
        {
          chat: person(1, 1),
          unreadCount: 3,
          archived: true,
          pinnedAt: at,
          mutedUntil: new Date('2030-01-01T00:00:00.000Z'),
          lastMessageAt: at,
        },
        { chat: { jid: 'status@broadcast', phone: null, lid: null }, unreadCount: 1 },
      ],
    })
    expect(await list(bot)).toEqual([
      {
        id: phoneOf(1),
        instance_id: bot,
        name: null,
        is_group: false,
        lid: lidOf(1),
        phone_number: `+${phoneOf(1).slice(0, -15)}`,
        unread_count: 3,
        archived: true,
        pinned_at: at.toISOString(),
        muted_until: '2030-01-01T00:00:00.000Z',
        last_message_at: at.toISOString(),
        created_at: expect.stringMatching(/\.\d{3}Z$/),
      },
    ])
    await sync(bot, {
      chats: [
        { chat: person(1), pinnedAt: null },
        { chat: person(null, 1), archived: false, pinnedAt: undefined },
      ],
    })
    expect(await list(bot)).toMatchObject([
      { unread_count: 3, archived: false, pinned_at: null, muted_until: '2030-01-01T00:00:00.000Z' },
    ])
  })

  it("names a chat as the owner does, else as the phone's address book, else as they call themselves", async () => {
    const bot = await newInstance()
    const names = async () => (await list(bot))[0].name
    await sync(bot, { chats: [{ chat: person(null, 2) }] })
    expect(await names()).toBeNull()
    await sync(bot, { contacts: [{ contact: person(null, 2), pushName: 'ann' }] })
    expect(await names()).toBe('ann')
    await sync(bot, { contacts: [{ contact: person(2, 2), name: 'Ann Smith' }] })
    expect(await names()).toBe('Ann Smith')
    expect(await list(bot, 'contacts')).toEqual([
      {
        id: phoneOf(2),
        name: 'Ann Smith',
        push_name: 'ann',
        verified_name: null,
        phone_number: `+${phoneOf(2).slice(0, -15)}`,
        lid: lidOf(2),
      },
    ])
    expect((await list(bot))[0].id).toBe(phoneOf(2))
    await sync(bot, { chats: [{ chat: person(2), name: 'Ann, sales' }] })
    expect(await names()).toBe('Ann, sales')
  })

  it('has one row for a person whose two names were learned apart, in any order', async () => {
    const bot = await newInstance()
    await sync(bot, { chats: [{ chat: person(3), unreadCount: 1 }] })
    await sync(bot, { chats: [{ chat: person(null, 3), unreadCount: 2 }] })
    const first = await message(bot, { chat: person(3) })
    const second = await message(bot, { chat: person(null, 3) })
    expect(await list(bot)).toHaveLength(2)
    await sync(bot, { contacts: [{ contact: person(3, 3) }] })
    expect(await list(bot)).toMatchObject([{ id: phoneOf(3), lid: lidOf(3), unread_count: 3 }])
    const { body } = await acme.get(`/v1/instances/${bot}/messages?chat_id=${lidOf(3)}`)
    expect(body.data.map((each: Json) => each.id)).toEqual([second, first])
    // The pair was learned before there was a chat.
    await sync(bot, { contacts: [{ contact: person(4, 4) }] })
    await message(bot, { chat: person(null, 4) })
    await message(bot, { chat: person(4) })
    expect(await list(bot)).toMatchObject([{ id: phoneOf(4), lid: lidOf(4) }, {}])
  })

  it('takes a history of 2,000 chats and contacts in pieces', async () => {
    const bot = await newInstance()
    for (let piece = 0; piece < 4; piece++) {
      const numbers = Array.from({ length: 500 }, (_, i) => 1000 + piece * 500 + i)
      await sync(bot, {
        contacts: numbers.map(n => ({ contact: person(n, n), name: `Contact ${n}` })),
        chats: numbers.map(n => ({
          chat: person(n % 2 ? n : null, n % 2 ? null : n),
          lastMessageAt: new Date(n * 1000),
        })),
      })
    }
    const [{ n }] = (await wataki.app.db.sql.query<{ n: number }>(
      'select count(*)::int as n from chat where instance_id = $1 and phone is not null and lid is not null',
      [bot],
    )) as [{ n: number }]
    expect(n).toBe(2000)
    const [first] = await list(bot)
    expect(first).toMatchObject({ id: phoneOf(2999), name: 'Contact 2999' })
  }, 60_000)

  it('marks as read what was seen on the phone', async () => {
    const bot = await newInstance()
    const seen = await message(bot, { chat: person(5, 5) })
    const unseen = await message(bot, { chat: person(5, 5) })
    await sync(bot, { chats: [{ chat: person(5), unreadCount: 2 }] })
    const status = async (id: string) => (await acme.get(`/v1/instances/${bot}/messages/${id}`)).body.status
    await onSeen(wataki.app, bot, { chat: person(null, 5), whatsappIds: [seen] })
    expect([await status(seen), await status(unseen)]).toEqual(['read', 'delivered'])
    expect((await list(bot))[0].unread_count).toBe(0)
    await onSeen(wataki.app, bot, { chat: person(5), whatsappIds: [] })
    expect(await status(unseen)).toBe('read')
    await onSeen(wataki.app, bot, { chat: person(77), whatsappIds: [] })
  })
})

describe('traffic', () => {
  it('makes a chat of who writes, with their name and what is unread, and one chat of both ways', async () => {
    const bot = await connectedInstance(acme, 'traffic')
    const says = (words: string) =>
      acme.post(`/v1/instances/${bot}/sandbox/messages`, {
        from: '5511999990007',
        type: 'text',
        content: { text: words },
      })
    for (const words of ['one', 'two']) await says(words)
    const [chat] = await until(
      () => list(bot),
      ([first]) => first?.unread_count === 2,
    )
    expect(chat).toMatchObject({ id: '5511999990007@s.whatsapp.net', name: expect.any(String), is_group: false })
    const { body } = await acme.post(`/v1/instances/${bot}/messages`, {
      chat_id: chat.lid ?? chat.id,
      type: 'text',
      content: { text: 'three' },
    })
    const [after, ...others] = await list(bot)
    expect(others).toEqual([])
    expect(after).toMatchObject({ id: chat.id, unread_count: 0 })
    expect(after.last_message_at >= body.timestamp).toBe(true)
    expect((await acme.get(`/v1/instances/${bot}/messages?chat_id=${chat.id}`)).body.data).toHaveLength(3)
  })
})

describe('groups', () => {
  const group = (over: object = {}) => ({
    jid: GROUP,
    subject: 'Team Chat',
    description: 'of the team',
    owner: person(1, 1),
    announce: true,
    locked: false,
    participants: [
      { address: person(1, 1), role: 'superadmin' as const },
      { address: person(null, 9), role: 'member' as const },
    ],
    createdAt: new Date('2026-01-01T00:00:00.000Z'),
    joined: true,
    ...over,
  })
  const shown = {
    id: GROUP,
    name: 'Team Chat',
    description: 'of the team',
    owner: phoneOf(1),
    announce: true,
    locked: false,
    participant_count: 2,
    created_at: '2026-01-01T00:00:00.000Z',
  }

  it('are listed, and have details with who is in them', async () => {
    const bot = await newInstance()
    await sync(bot, { groups: [group()] })
    expect(await list(bot, 'groups')).toEqual([{ ...shown, instance_id: bot }])
    const { status, body } = await acme.get(`/v1/instances/${bot}/chats/${GROUP}`)
    expect(status).toBe(200)
    const { created_at: _, ...details } = shown
    expect(body).toMatchObject({ ...details, is_group: true, unread_count: 0 })
    expect(body.participants).toEqual([
      { id: phoneOf(1), lid: lidOf(1), phone_number: `+${phoneOf(1).slice(0, -15)}`, role: 'superadmin' },
      { id: lidOf(9), lid: lidOf(9), phone_number: null, role: 'member' },
    ])
    await sync(bot, { groups: [group({ subject: 'Old Team', joined: false })] })
    expect(await list(bot, 'groups')).toEqual([])
    expect(await list(bot)).toMatchObject([{ id: GROUP, name: 'Old Team', is_group: true }])
  })

  it('tell which lid belongs to which number: two chats of one person become one', async () => {
    const bot = await newInstance()
    await sync(bot, { chats: [{ chat: person(8) }, { chat: person(null, 8) }] })
    await sync(bot, { groups: [group({ participants: [{ address: person(8, 8), role: 'member' }] })] })
    expect((await list(bot)).map(each => each.id)).toEqual([GROUP, phoneOf(8)])
  })
})

describe('GET /v1/instances/{instance_id}/chats/{chat_id}', () => {
  it('takes any form of the id that sending takes, and answers 404 to all else', async () => {
    const bot = await newInstance()
    await sync(bot, { chats: [{ chat: person(6, 6) }] })
    const digits = phoneOf(6).slice(0, -15)
    for (const form of [phoneOf(6), lidOf(6), digits, `+${digits}`, `+55 (11) ${digits.slice(4)}`]) {
      const { status, body } = await acme.get(`/v1/instances/${bot}/chats/${encodeURIComponent(form)}`)
      expect([status, body.id, body.participants], form).toEqual([200, phoneOf(6), null])
    }
    for (const form of [phoneOf(66), lidOf(66), GROUP, 'x', '5511999999999:1@s.whatsapp.net']) {
      const { status, body } = await acme.get(`/v1/instances/${bot}/chats/${encodeURIComponent(form)}`)
      expect([status, body.error], form).toEqual([404, { code: 'not_found', message: 'chat not found', details: {} }])
    }
    const foreign = await other.get(`/v1/instances/${bot}/chats/${phoneOf(6)}`)
    expect([foreign.status, foreign.body.error.message]).toEqual([404, 'instance not found'])
  })
})

describe('pages', () => {
  it('of 10,000 rows hold every one of them once while 1,000 new ones come', async () => {
    const bot = await newInstance()
    const tenantId = acme.tenantId
    await wataki.app.db.sql.query(
      `insert into chat (id, tenant_id, instance_id, phone) select 'chat_' || lpad(n::text, 26, '0'), $1, $2,
         '5512' || (10000000 + n) || '@s.whatsapp.net' from generate_series(1, 10000) as n`,
      [tenantId, bot],
    )
    let inserted = 0
    const insertSome = async () => {
      if (inserted === 1000) return
      const numbers = Array.from({ length: 10 }, (_, i) => 20_000 + inserted + i)
      inserted += 10
      await sync(bot, { chats: numbers.map(n => ({ chat: person(n) })) })
    }
    const seen: string[] = []
    for (let cursor: string | null = ''; cursor !== null; ) {
      const asked = acme.get(`/v1/instances/${bot}/chats?limit=100${cursor && `&cursor=${cursor}`}`)
      const [{ body }] = await Promise.all([asked, insertSome()])
      seen.push(...body.data.map((each: Json) => each.id))
      cursor = body.page.next_cursor
    }
    expect(inserted).toBe(1000)
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen.filter(id => id.startsWith('5512'))).toHaveLength(10_000)
  }, 60_000)

  it('refuse a forged cursor, and one of another tenant or instance', async () => {
    const [mine, theirs] = [await newInstance(), await newInstance(other)]
    for (const n of [1, 2, 3]) {
      await sync(mine, { chats: [{ chat: person(30 + n) }], contacts: [{ contact: person(30 + n), name: `${n}` }] })
      await sync(theirs, { chats: [{ chat: person(40 + n) }] })
    }
    const cursor = async (what: string) =>
      (await acme.get(`/v1/instances/${mine}/${what}?limit=1`)).body.page.next_cursor
    const ask = (what: string, given: string, caller = acme, instanceId = mine) =>
      caller.get(`/v1/instances/${instanceId}/${what}?cursor=${encodeURIComponent(given)}`)
    for (const bad of ['x', 'Y2hhdF8x', await cursor('contacts'), `${await cursor('chats')}x`]) {
      const { status, body } = await ask('chats', bad)
      expect([status, Object.keys(body.error.details)], bad).toEqual([400, ['cursor']])
    }
    const second = await newInstance()
    expect((await ask('chats', await cursor('chats'), other, theirs)).status).toBe(400)
    expect((await ask('chats', await cursor('chats'), acme, second)).status).toBe(400)
    expect((await ask('chats', await cursor('chats'))).status).toBe(200)
  })
})

describe('POST /v1/instances/{instance_id}/contacts/check', () => {
  const check = (bot: string, body: unknown) => acme.post(`/v1/instances/${bot}/contacts/check`, body)

  it('names every bad number, and refuses none or more than 50', async () => {
    const bot = await newInstance()
    const bad = await check(bot, { phones: ['+5511999990001', 'x', '5511999990002', '123'] })
    expect([bad.status, Object.keys(bad.body.error.details)]).toEqual([400, ['phones.1', 'phones.3']])
    for (const phones of [[], Array(51).fill('+5511999990001')]) {
      const { status, body } = await check(bot, { phones })
      expect([status, Object.keys(body.error.details)]).toEqual([400, ['phones']])
    }
    expect(Object.keys((await check(bot, { phones: [1, 'x'] })).body.error.details)).toEqual(['phones.0', 'phones.1'])
  })

  it('is 409 on an instance that is not connected', async () => {
    const { status, body } = await check(await newInstance(), { phones: ['+5511999990001'] })
    expect([status, body.error.code]).toEqual([409, 'instance_not_connected'])
  })

  it('says who is on WhatsApp and where to send to, in the order of the question, and keeps the pairs', async () => {
    const bot = await connectedInstance(acme, 'checks')
    await sync(bot, { chats: [{ chat: { jid: '5511999990001@s.whatsapp.net', phone: null, lid: null } }] })
    const { status, body } = await check(bot, { phones: ['+55 11 99999-0001', '5511900000004', '+5511999990002'] })
    expect(status).toBe(200)
    const there = (digits: string) => ({
      phone: `+${digits}`,
      exists: true,
      chat_id: `${digits}@s.whatsapp.net`,
      lid: expect.stringMatching(/^\d+@lid$/),
    })
    expect(body.data).toEqual([
      there('5511999990001'),
      { phone: '+5511900000004', exists: false, chat_id: null, lid: null },
      there('5511999990002'),
    ])
    expect(await list(bot)).toMatchObject([{ id: '5511999990001@s.whatsapp.net', lid: body.data[0].lid }])
    const contacts = (await list(bot, 'contacts')).map(each => each.id)
    expect(contacts).not.toContain('5511999990002@s.whatsapp.net')
    await acme.post(`/v1/instances/${bot}/disconnect`)
    expect((await check(bot, { phones: ['5511999990001'] })).status).toBe(409)
  })

  it('keeps what it learns: a chat of either name is one', async () => {
    const bot = await newInstance()
    await sync(bot, { chats: [{ chat: person(51) }, { chat: person(null, 51) }] })
    await wataki.app.db.transaction(sql =>
      joinChats(sql, { instanceId: bot, now: new Date() }, [{ phone: phoneOf(51), lid: lidOf(51) }]),
    )
    expect(await list(bot)).toMatchObject([{ id: phoneOf(51), lid: lidOf(51) }])
  })
})
