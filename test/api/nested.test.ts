import type { PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { chatOf } from '../../src/db/queries/chats.ts'
import { insertMessage } from '../../src/db/queries/messages.ts'
import { newId } from '../../src/ids.ts'
import { onSync } from '../../src/resolvers/chats/onSync.ts'
import { type Caller, type Json, openTestApp, type TestApp } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let bot: string
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  bot = (await acme.post('/v1/instances', { name: 'bot' })).body.id
  for (let n = 0; n < 50; n++) await fill(n)
}, 60_000)
afterAll(() => wataki.close())

/** A chat with four messages, of which each answers the one before; each second is a group. */
async function fill(n: number): Promise<void> {
  const groupJid = n % 2 ? `1203630000000${10_000 + n}@g.us` : null
  const phone = groupJid ? null : `55119999${10_000 + n}@s.whatsapp.net`
  const now = new Date()
  if (groupJid) {
    const address = { jid: `100000000000001@lid`, lid: `100000000000001@lid`, phone: null }
    const group = {
      jid: groupJid,
      subject: `Group ${n}`,
      description: null,
      owner: null,
      announce: false,
      locked: false,
    }
    const groups = [{ ...group, participants: [{ address, role: 'member' as const }], createdAt: null, joined: true }]
    await onSync(wataki.app, bot, { inboxKey: null, chats: [], contacts: [], groups })
  }
  let quotedMessageId: string | null = null
  for (let i = 0; i < 4; i++) {
    await wataki.app.db.transaction(async sql => {
      const chat = await chatOf(sql, { instanceId: bot, names: { groupJid, phone, lid: null }, now })
      const row = await insertMessage(sql, {
        id: newId('msg'),
        instanceId: bot,
        whatsappId: `${n} ${i}`,
        chat: chat!.id,
        sender: 'x',
        direction: 'inbound',
        type: 'text',
        status: 'delivered',
        content: { text: `${n} ${i}` },
        timestamp: now,
        createdAt: now,
        quotedMessageId,
      })
      quotedMessageId = row!.id
    })
  }
}

const after: (() => void)[] = []
afterEach(() => {
  for (const undo of after.splice(0)) undo()
})

/** Counts what goes to the database, by whichever way, from now on. */
function counting(): string[] {
  const statements: string[] = []
  const { pool } = wataki.app.db
  const watch = (client: { query: (...args: never[]) => unknown }) => {
    const query = client.query
    client.query = (...args: unknown[]) => {
      const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text
      statements.push(text)
      return query.apply(client, args as never)
    }
    return () => void (client.query = query)
  }
  const acquired = new Map<object, () => void>()
  const onAcquire = (client: PoolClient) => {
    if (!acquired.has(client)) acquired.set(client, watch(client as never))
  }
  pool.on('acquire', onAcquire)
  after.push(() => {
    pool.off('acquire', onAcquire)
    for (const undo of acquired.values()) undo()
  })
  return statements
}

const MESSAGE =
  'id content { ... on TextContent { text } } chat { id } instance { id } quotedMessage { id chat { id } }'

describe('a list of 50 with all that it holds', () => {
  it('takes at most 10 statements', async () => {
    const statements = counting()
    const taken: string[][] = []
    const ask = async () => {
      const answer = await acme.graphql(
        `{ chats(instanceId: "${bot}", limit: 50) { data {
          id name unreadCount
          instance { id name }
          group { id name participantCount participants { id role } }
          lastMessage { ${MESSAGE} }
          messages(limit: 3) { data { ${MESSAGE} } page { nextCursor } }
        } page { nextCursor } } }`,
      )
      taken.push(statements.splice(0).map(text => text.replace(/\s+/g, ' ').slice(0, 90)))
      return answer
    }
    const { data, errors } = await ask()
    expect(errors).toBeUndefined()
    expect(data.chats.data).toHaveLength(50)
    for (const [i, chat] of data.chats.data.entries()) {
      const n = 49 - i
      expect(chat.messages.data.map((each: Json) => each.content.text)).toEqual([`${n} 3`, `${n} 2`, `${n} 1`])
      expect(chat.lastMessage).toEqual(chat.messages.data[0])
      expect(chat.lastMessage.quotedMessage.id).toBe(chat.messages.data[1].id)
      expect(chat.lastMessage.chat.id).toBe(chat.id)
      expect(chat.group?.name ?? null).toBe(n % 2 ? `Group ${n}` : null)
      expect(chat.group?.participants.length ?? 0).toBe(n % 2)
      expect(chat.messages.page.nextCursor).not.toBeNull()
    }
    // The clock's own work goes on beside, and may be counted too.
    for (let i = 0; i < 4; i++) await ask()
    const [fewest] = taken.sort((a, b) => a.length - b.length)
    expect(fewest!.length, fewest!.join('\n')).toBeLessThanOrEqual(10)
  })

  it('goes on from the cursor of a nested page', async () => {
    const page = async (cursor: string | null) => {
      const { data } = await acme.graphql(
        `query ($cursor: String) { instances { data { chats(limit: 1) { data { messages(limit: 3, cursor: $cursor)
          { data { content { ... on TextContent { text } } } page { nextCursor } } } } } } }`,
        { cursor },
      )
      return data.instances.data[0].chats.data[0].messages
    }
    const first = await page(null)
    const second = await page(first.page.nextCursor)
    const texts = [...first.data, ...second.data].map((each: Json) => each.content.text)
    expect(texts).toEqual(['49 3', '49 2', '49 1', '49 0'])
    expect(second.page.nextCursor).toBeNull()
  })

  it('shows nothing of it on REST', async () => {
    const { body } = await acme.get(`/v1/instances/${bot}/chats?limit=1`)
    for (const name of ['messages', 'last_message', 'instance', 'group']) expect(body.data[0]).not.toHaveProperty(name)
  })

  it('counts nested pages as what they may hold', async () => {
    const { errors } = await acme.graphql(
      `{ chats(instanceId: "${bot}", limit: 50) { data { messages(limit: 200) { data { id } } } } }`,
    )
    expect(errors[0].extensions).toMatchObject({ code: 'validation_error', details: { cost: expect.any(String) } })
  })
})
