import type { Client } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chatOf, namesOf } from '../../src/db/queries/chats.ts'
import { insertMessage, updateStatus } from '../../src/db/queries/messages.ts'
import { messageReceived, messageStatus } from '../../src/events/catalogue.ts'
import { record } from '../../src/events/record.ts'
import { newId } from '../../src/ids.ts'
import { storedMessage } from '../../src/resolvers/messages/stored.ts'
import { type Caller, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { socketClient } from '../support/graphql.ts'

let wataki: TestApp
let acme: Caller
let client: Client
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  client = socketClient(wataki.url, acme.apiKey)
})
afterAll(async () => {
  await client.dispose()
  await wataki.close()
})

let made = 0
async function newInstance(): Promise<string> {
  return (await acme.post('/v1/instances', { name: `bot ${++made}` })).body.id
}

interface Listening {
  heard: Json[]
  errors: Json[]
  leave: () => void
}
const left: Listening[] = []
function listen(field: string, args: string, selection = 'id status eventId'): Listening {
  const listening: Listening = { heard: [], errors: [], leave: () => {} }
  listening.leave = client.subscribe<Json>(
    { query: `subscription { ${field}(${args}) { ${selection} } }` },
    {
      next: result =>
        result.errors ? listening.errors.push(...result.errors) : listening.heard.push(result.data[field]),
      error: errors => listening.errors.push(...(errors as Json[])),
      complete: () => {},
    },
  )
  left.push(listening)
  return listening
}

/** A message comes in: stored, recorded and published as the engine's news would be. */
async function arrives(instanceId: string, status?: 'read'): Promise<string> {
  const id = newId('msg')
  const now = new Date()
  const { sql } = wataki.app.db
  const events = await wataki.app.db.transaction(async inner => {
    const names = namesOf({ jid: '5511999990001@s.whatsapp.net', phone: null, lid: null })
    const chat = await chatOf(inner, { instanceId, names, now })
    const row = await insertMessage(inner, {
      id,
      instanceId,
      whatsappId: id,
      chat: chat!.id,
      sender: 'x',
      direction: 'inbound',
      type: 'text',
      status: 'delivered',
      content: { text: 'x' },
      timestamp: now,
      createdAt: now,
    })
    const message = storedMessage(row!)
    const of = { tenantId: acme.tenantId, instanceId, about: id, subject: message }
    const received = await record(inner, wataki.app.clock, {
      ...of,
      type: 'message.received',
      data: messageReceived(message, '', null),
    })
    const changed = await record(inner, wataki.app.clock, {
      ...of,
      type: 'message.status',
      data: messageStatus(message),
    })
    return [received, changed]
  })
  wataki.app.bus.publish(...events)
  if (status) await updateStatus(sql, { instanceId, id, status, error: null })
  return id
}

/** An event to go on after. */
async function anchorOf(bot: string): Promise<string> {
  await arrives(bot)
  return (await acme.get(`/v1/instances/${bot}/events`)).body.data.at(-1).id
}

const ids = ({ heard }: Listening): string[] => heard.map(each => each.id)

describe('a subscription that comes back with the last event', () => {
  it('gets what it missed, in order, and then what is live', async () => {
    const bot = await newInstance()
    const first = listen('messageReceived', `instanceId: "${bot}"`)
    await until(
      () => wataki.app.bus.size,
      size => size === 1,
    )
    const sent = [await arrives(bot), await arrives(bot)]
    await until(
      () => ids(first),
      heard => heard.length === 2,
    )
    first.leave()
    await until(
      () => wataki.app.bus.size,
      size => size === 0,
    )
    for (let i = 0; i < 3; i++) sent.push(await arrives(bot))
    const second = listen('messageReceived', `instanceId: "${bot}", after: "${first.heard.at(-1).eventId}"`)
    await until(
      () => ids(second),
      heard => heard.length === 3,
    )
    sent.push(await arrives(bot))
    await until(
      () => ids(second),
      heard => heard.length === 4,
    )
    expect([...ids(first), ...ids(second)]).toEqual(sent)
    second.leave()
  })

  it('loses and doubles nothing over 40 reconnects amid 400 messages', async () => {
    const bot = await newInstance()
    const anchor = await anchorOf(bot)
    const sent: string[] = []
    let ended = false
    const sending = async () => {
      for (let i = 0; i < 100; i++) sent.push(...(await Promise.all([1, 2, 3, 4].map(() => arrives(bot)))))
      ended = true
    }
    const heard: Json[] = []
    const reading = async () => {
      while (!ended || heard.length < 400) {
        const listening = listen('messageReceived', `instanceId: "${bot}", after: "${heard.at(-1)?.eventId ?? anchor}"`)
        const before = heard.length
        await until(
          () => listening.heard.length,
          count => count >= 10 || before + count === 400,
        )
        listening.leave()
        heard.push(...listening.heard.splice(0))
        expect(listening.errors).toEqual([])
      }
    }
    await Promise.all([sending(), reading()])
    expect(heard).toHaveLength(400)
    expect(new Set(heard.map(each => each.id))).toEqual(new Set(sent))
  }, 60_000)

  it('sees the status that the event told, of the message as it is now', async () => {
    const bot = await newInstance()
    const anchor = await anchorOf(bot)
    const id = await arrives(bot, 'read')
    const statuses = listen('messageStatusChanged', `instanceId: "${bot}", after: "${anchor}"`)
    const received = listen('messageReceived', `instanceId: "${bot}", after: "${anchor}"`)
    await until(
      () => statuses.heard.length + received.heard.length,
      count => count === 2,
    )
    expect(statuses.heard).toMatchObject([{ id, status: 'delivered' }])
    expect(received.heard).toMatchObject([{ id, status: 'read' }])
    statuses.leave()
    received.leave()
  })

  it('to the connection is told the states that it missed', async () => {
    const bot = await newInstance()
    const { sql } = wataki.app.db
    const changed = (state: string) =>
      record(sql, wataki.app.clock, {
        type: 'connection.update',
        tenantId: acme.tenantId,
        instanceId: bot,
        about: bot,
        data: { state, last_error: null, updated_at: '2026-01-01T00:00:00.000Z' },
        subject: null,
      })
    const { id } = await changed('connecting')
    const last = await changed('connected')
    const listening = listen('connectionUpdated', `instanceId: "${bot}", after: "${id}"`, 'state updatedAt eventId')
    await until(
      () => listening.heard,
      heard => heard.length === 1,
    )
    expect(listening.heard).toEqual([{ state: 'connected', updatedAt: '2026-01-01T00:00:00.000Z', eventId: last.id }])
    listening.leave()
  })

  it('is refused when the event is not known, of another instance, or of another tenant, and holds no seat', async () => {
    const [bot, second] = [await newInstance(), await newInstance()]
    await arrives(second)
    const foreign = (await acme.get(`/v1/instances/${second}/events`)).body.data[0].id
    await until(
      () => wataki.app.bus.size,
      size => size === 0,
    )
    for (const after of ['x', 'evt_01m84k41q5bzehev0j4g4kfb1t', foreign, '1', '-1', '1e3']) {
      const listening = listen('messageReceived', `instanceId: "${bot}", after: "${after}"`)
      await until(
        () => listening.errors,
        errors => errors.length > 0,
      )
      expect(listening.errors[0].extensions).toMatchObject({
        code: 'validation_error',
        details: { after: expect.any(String) },
      })
    }
    expect(wataki.app.bus.size).toBe(0)
  })
})

describe('eventOccurred', () => {
  const everything = 'id event instanceId seq timestamp data'
  const seqs = ({ heard }: Listening): number[] => heard.map(each => each.seq)

  it('gives each event as the list of events has it, missed and live, from the count that the instance was at', async () => {
    const bot = await newInstance()
    const count = async () =>
      (await acme.graphql(`{ instance(instanceId: "${bot}") { eventCount } }`)).data.instance.eventCount
    expect(await count()).toBe(0)
    const first = listen('eventOccurred', `instanceId: "${bot}", after: 0`, everything)
    await arrives(bot)
    await until(
      () => seqs(first),
      heard => heard.length === 2,
    )
    first.leave()
    expect(await count()).toBe(2)
    await arrives(bot)
    const second = listen('eventOccurred', `instanceId: "${bot}", after: "${first.heard.at(-1).id}"`, everything)
    await until(
      () => seqs(second),
      heard => heard.length === 2,
    )
    await arrives(bot)
    await until(
      () => seqs(second),
      heard => heard.length === 4,
    )
    const { body } = await acme.get(`/v1/instances/${bot}/events`)
    const listed = body.data.map(({ instance_id, event, ...each }: Json) => {
      return { ...each, instanceId: instance_id, event: event.replace('.', '_') }
    })
    expect([...first.heard, ...second.heard]).toEqual(listed)
    second.leave()
  })

  it('loses and doubles nothing over reconnects amid 200 events, of all types or of those that were asked for', async () => {
    const bot = await newInstance()
    const reading = async (filter: string, wanted: number[]) => {
      const heard: number[] = []
      while (heard.length < wanted.length) {
        const listening = listen(
          'eventOccurred',
          `instanceId: "${bot}", after: ${heard.at(-1) ?? 0}${filter}`,
          everything,
        )
        const enough = Math.min(15, wanted.length - heard.length)
        await until(
          () => listening.heard.length,
          count => count >= enough,
        )
        listening.leave()
        heard.push(...seqs({ ...listening, heard: listening.heard.splice(0) }))
        expect(listening.errors).toEqual([])
      }
      expect(heard).toEqual(wanted)
    }
    const sending = async () => {
      for (let i = 0; i < 100; i++) await arrives(bot)
    }
    const all = Array.from({ length: 200 }, (_, i) => i + 1)
    // Each message is received, and its status told: every second event.
    await Promise.all([
      sending(),
      reading('', all),
      reading(
        ', events: [message_status, qr_updated]',
        all.filter(seq => seq % 2 === 0),
      ),
    ])
  }, 60_000)

  it('refuses an empty list of types, and one that there is not', async () => {
    const bot = await newInstance()
    for (const [types, says] of [
      ['', 'must not be empty'],
      ['message_eaten', 'does not exist'],
    ] as const) {
      const listening = listen('eventOccurred', `instanceId: "${bot}", events: [${types}]`, 'id')
      await until(
        () => listening.errors,
        errors => errors.length > 0,
      )
      expect(listening.errors[0].message).toContain(says)
    }
  })
})
