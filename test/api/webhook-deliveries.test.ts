import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { replayRange } from '../../src/db/queries/webhook-deliveries.ts'
import { tidyDeliveriesDue } from '../../src/resolvers/webhooks/tidyWebhooksDue.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { socketClient } from '../support/graphql.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

const CONTACT = '5511900000011'
const HOUR_MS = 3_600_000

let wataki: TestApp
let acme: Caller
let instanceId: string
let receiver: Receiver
beforeAll(async () => {
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '40', WEBHOOK_TIMEOUT_MS: '2500' })
  acme = await wataki.tenant()
  instanceId = await connectedInstance(acme)
}, 60_000)
afterAll(() => wataki.close())
beforeEach(async () => {
  receiver = await openReceiver()
})
afterEach(async () => {
  for (const { id } of (await acme.get(hooks())).body.data) await acme.delete(`${hooks()}/${id}`)
  await receiver.close()
})

const hooks = () => `/v1/instances/${instanceId}/webhooks`
const create = async (input: Json = {}): Promise<Json> =>
  (await acme.post(hooks(), { url: receiver.url, events: ['message.received'], ...input })).body
const say = (text: string) =>
  acme.post(`/v1/instances/${instanceId}/sandbox/messages`, { from: CONTACT, type: 'text', content: { text } })
const log = async (id: string, query = ''): Promise<Json[]> =>
  (await acme.get(`${hooks()}/${id}/deliveries${query}`)).body.data
const settled = (id: string, count: number, status?: string) =>
  until(
    () => log(id),
    all => all.filter(each => (status ? each.status === status : each.status !== 'pending')).length === count,
  )
const arrived = (count: number) =>
  until(
    () => receiver.got,
    got => got.length >= count,
  )
const sql = <Row extends object>(text: string, params: unknown[] = []) => wataki.app.db.sql.query<Row>(text, params)

describe('a receiver that does not take what it is sent', () => {
  it('gets it four times in all with the same id and the same bytes, the waits rising; then it has failed', async () => {
    receiver.answer((_, response) => response.writeHead(500).end('no, '.repeat(1000)))
    const { id } = await create()
    await say('again')
    const [delivery] = await settled(id, 1)
    expect(receiver.got).toHaveLength(4)
    expect(new Set(receiver.got.map(each => each.raw)).size).toBe(1)
    expect(new Set(receiver.got.map(each => each.headers['webhook-id']))).toEqual(new Set([delivery.event_id]))
    const waits = receiver.got.slice(1).map((each, i) => each.atMs - receiver.got[i]!.atMs)
    for (const [i, least] of [40, 200, 1000].entries()) expect(waits[i]).toBeGreaterThanOrEqual(least - 2)
    expect(delivery).toMatchObject({ status: 'failed', attempts: 4, error: 'answered 500', next_attempt_at: null })
    expect(delivery.tries).toHaveLength(4)
    for (const each of delivery.tries) {
      expect(each).toMatchObject({ status_code: 500, error: 'answered 500', response: 'no, '.repeat(256) })
      expect(each.duration_ms).toBeGreaterThanOrEqual(0)
    }
  })

  it('holds up neither later events nor other webhooks', async () => {
    const second = await openReceiver()
    const isFirst = (text: string) => text.includes('first')
    receiver.answer((received, response) => {
      if (!isFirst(received.raw)) response.writeHead(200).end()
    })
    const { id } = await create()
    await create({ url: second.url })
    for (const text of ['first', 'second', 'third']) await say(text)
    await until(
      () => second.got,
      got => got.length === 3,
    )
    await until(
      () => log(id, '?status=delivered'),
      all => all.length === 2,
    )
    expect((await log(id, '?status=pending')).length).toBe(1)
    await second.close()
  })

  it('is not asked again before the time that it asks for', async () => {
    receiver.answer((_, response) => response.writeHead(429, { 'retry-after': '7' }).end())
    const { id } = await create()
    await say('later')
    const [delivery] = await until(
      () => log(id),
      ([each]) => each?.tries.length === 1,
    )
    const waitMs = Date.parse(delivery.next_attempt_at) - Date.parse(delivery.tries[0].at)
    expect(waitMs).toBeGreaterThanOrEqual(6900)
    expect(waitMs).toBeLessThan(12_000)
    await sql(
      `update webhook_delivery set next_attempt_at = next_attempt_at + interval '1 day' where webhook_id = $1`,
      [id],
    )
  })

  it('goes on where it was after a restart: no try is forgotten, none is made twice', async () => {
    receiver.answer(500)
    const { id } = await create()
    await say('restart')
    await arrived(2)
    receiver.answer((_, response) => response.writeHead(503, { 'retry-after': '3' }).end())
    await until(
      () => log(id),
      ([each]) => each.tries.length === 3,
    )
    await wataki.restart()
    receiver.answer(200)
    const [delivery] = await settled(id, 1)
    expect(delivery).toMatchObject({ status: 'delivered', attempts: 4, error: null })
    expect(receiver.got).toHaveLength(4)
  })

  it('that answers 410 is deactivated at once: with its reason, an event, and what waits is kept as failed', async () => {
    receiver.answer(410)
    const { id } = await create()
    await say('gone')
    const hook = await until(
      async () => (await acme.get(`${hooks()}/${id}`)).body,
      each => !each.active,
    )
    expect(hook).toMatchObject({ disabled_reason: 'gone', disabled_at: expect.stringMatching(/Z$/) })
    await settled(id, 1, 'failed')
    expect(receiver.got).toHaveLength(1)
    const events = (await acme.get(`/v1/instances/${instanceId}/events?limit=200`)).body.data
    expect(events.at(-1)).toMatchObject({
      event: 'webhook.disabled',
      data: { webhook_id: id, url: receiver.url, reason: 'gone' },
    })
    const [audit] = await sql<{ action: string }>('select action from audit_log where target = $1 order by id desc', [
      id,
    ])
    expect(audit!.action).toBe('webhook.disabled')
    const [account] = await sql<{ email: string }>('select email from tenant where id = $1', [acme.tenantId])
    const letters = () => wataki.app.mail.kept().filter(letter => letter.to === account!.email)
    const [letter] = await until(letters, found => found.length > 0)
    expect(letter).toMatchObject({ kind: 'webhook_disabled', url: receiver.url, reason: 'gone' })
    const active = await acme.patch(`${hooks()}/${id}`, { active: true })
    expect(active.body).toMatchObject({ active: true, disabled_reason: null, disabled_at: null })
    receiver.answer(200)
    const [{ id: deliveryId }] = (await log(id)) as [Json]
    const replayed = await acme.post(`/v1/instances/${instanceId}/deliveries/${deliveryId}/replay`)
    expect([replayed.status, replayed.body.status]).toEqual([202, 'delivered'])
  })

  it('for five days, is deactivated; one that took something meanwhile is not', async () => {
    receiver.answer(500)
    const { id } = await create()
    await say('failing')
    await settled(id, 1, 'failed')
    const since = () => sql<{ at: Date | null }>('select failing_since as at from webhook where id = $1', [id])
    expect((await since())[0]!.at).not.toBeNull()
    receiver.answer(200)
    await say('taken')
    await settled(id, 1, 'delivered')
    expect((await since())[0]!.at).toBeNull()
    receiver.answer(500)
    await sql(`update webhook set failing_since = now() - interval '119 hours' where id = $1`, [id])
    await say('not yet')
    await settled(id, 2, 'failed')
    expect((await acme.get(`${hooks()}/${id}`)).body.active).toBe(true)
    await sql(`update webhook set failing_since = now() - interval '121 hours' where id = $1`, [id])
    await say('enough')
    await until(
      async () => (await acme.get(`${hooks()}/${id}`)).body,
      each => each.disabled_reason === 'failing',
    )
  })
})

describe('a webhook that is deactivated or deleted between tries', () => {
  it.each(['deactivated', 'deleted'])('%s: is sent nothing any more', async how => {
    receiver.answer(500)
    const { id } = await create()
    await say(how)
    await arrived(2)
    if (how === 'deleted') expect((await acme.delete(`${hooks()}/${id}`)).status).toBe(204)
    else await acme.patch(`${hooks()}/${id}`, { active: false })
    const count = receiver.got.length
    const [row] = await until(
      () => sql<{ status: string }>('select status from webhook_delivery where webhook_id = $1', [id]),
      rows => rows[0]?.status !== 'pending',
    )
    expect(row?.status).toBe(how === 'deleted' ? undefined : 'failed')
    // One may have been under way.
    expect(receiver.got.length).toBeLessThanOrEqual(count + 1)
    if (how === 'deleted') {
      expect((await acme.get(`${hooks()}/${id}`)).status).toBe(404)
      await until(
        () => sql('select 1 as one from webhook where id = $1', [id]),
        rows => rows.length === 0,
      )
    }
  })
})

describe('a delivery whose event is gone', () => {
  it('fails by itself, and holds nothing up', async () => {
    receiver.answer(500)
    const { id } = await create()
    await say('gone')
    await arrived(1)
    const [{ event_id: eventId }] = (await log(id)) as [Json]
    await sql('delete from event where instance_id = $1 and id = $2', [instanceId, eventId])
    receiver.answer(200)
    await say('here')
    await settled(id, 1, 'delivered')
    const [failed] = await settled(id, 1, 'failed').then(all => all.filter(each => each.status === 'failed'))
    expect(failed.error).toBe('The event is kept no longer.')
    const detail = await acme.get(`/v1/instances/${instanceId}/deliveries/${failed.id}`)
    expect(detail.body.request.body).toBeNull()
  })
})

describe('the log of deliveries', () => {
  it('tells request, answer, time and next try; its pages and filters are those of any list', async () => {
    receiver.answer((received, response) => response.writeHead(received.raw.includes('bad') ? 500 : 201).end('thanks'))
    const { id } = await create()
    for (const text of ['good 1', 'bad 1', 'good 2']) await say(text)
    const all = await settled(id, 3)
    expect(all.map(each => each.status)).toEqual(['delivered', 'failed', 'delivered'])
    const [newest] = all
    expect(newest).toEqual({
      id: expect.stringMatching(/^del_[0-9a-z]{27}$/),
      webhook_id: id,
      event_id: expect.stringMatching(/^evt_/),
      event: 'message.received',
      status: 'delivered',
      attempts: 1,
      error: null,
      next_attempt_at: null,
      created_at: expect.stringMatching(/Z$/),
      finished_at: expect.stringMatching(/Z$/),
      tries: [
        {
          at: expect.stringMatching(/Z$/),
          duration_ms: expect.any(Number),
          status_code: 201,
          error: null,
          response: 'thanks',
        },
      ],
    })
    const one = await acme.get(`/v1/instances/${instanceId}/deliveries/${newest.id}`)
    const sent = receiver.got.find(each => each.body.id === newest.event_id)!
    expect(one.body).toEqual({ ...newest, request: { url: receiver.url, body: sent.raw } })
    const first = await acme.get(`${hooks()}/${id}/deliveries?limit=2`)
    const second = await acme.get(`${hooks()}/${id}/deliveries?limit=2&cursor=${first.body.page.next_cursor}`)
    expect([...first.body.data, ...second.body.data]).toEqual(all)
    expect(second.body.page.next_cursor).toBeNull()
    expect(await log(id, '?status=failed')).toEqual([all[1]])
    expect(await log(id, '?event=message.read')).toEqual([])
    const bad = await acme.get(`${hooks()}/${id}/deliveries?status=lost&event=x&limit=0&cursor=y`)
    expect([bad.status, Object.keys(bad.body.error.details).sort()]).toEqual([400, ['event', 'limit', 'status']])
  })

  it('is kept for 30 days, and the events with it that are listed no longer', async () => {
    const { id } = await create()
    for (const text of ['old', 'older', 'young']) await say(text)
    const [, , oldest] = await settled(id, 3, 'delivered')
    const age = (days: number, delivery: string, eventId: string) =>
      Promise.all([
        sql(`update webhook_delivery set created_at = now() - $2 * interval '1 day' where id = $1`, [delivery, days]),
        sql(
          `update event set created_at = now() - $2 * interval '1 day', kept_until = kept_until - $2 * interval '1 day' where id = $1`,
          [eventId, days],
        ),
      ])
    const [, middle] = await log(id)
    await age(29, middle.id, middle.event_id)
    await age(30.01, oldest.id, oldest.event_id)
    await tidyDeliveriesDue(wataki.app)
    expect((await log(id)).length).toBe(2)
    const kept = await acme.get(`/v1/instances/${instanceId}/deliveries/${middle.id}`)
    expect(JSON.parse(kept.body.request.body).id).toBe(middle.event_id)
    const listed = (await acme.get(`/v1/instances/${instanceId}/events?limit=200`)).body.data
    expect(listed.map((each: Json) => each.id)).not.toContain(middle.event_id)
  })

  it('is streamed as it is written: each delivery after each try', async () => {
    const client = socketClient(wataki.url, acme.apiKey)
    const query = `subscription { webhookDelivery(instanceId: "${instanceId}") { id status attempts } }`
    const seen = client.iterate({ query })
    const first = seen.next()
    await until(
      () => wataki.app.deliveries.feed.size,
      size => size === 1,
    )
    receiver.answer(500)
    await create()
    await say('watch')
    await arrived(1)
    receiver.answer(200)
    const told = [(await first).value, (await seen.next()).value].map((each: Json) => each.data.webhookDelivery)
    expect(told.map(each => [each.status, each.attempts])).toEqual([
      ['pending', 1],
      ['delivered', 2],
    ])
    await client.dispose()
  })
})

describe('sending again', () => {
  const replay = (id: string) => acme.post(`/v1/instances/${instanceId}/deliveries/${id}/replay`)

  it('one delivery: answers 202 with what came of it; the same id and bytes arrive again', async () => {
    const { id } = await create()
    await say('once more')
    const [delivery] = await settled(id, 1, 'delivered')
    const again = await replay(delivery.id)
    expect(again.status).toBe(202)
    expect(again.body).toMatchObject({ id: delivery.id, status: 'delivered', attempts: 1 })
    expect(again.body.tries).toHaveLength(2)
    expect(receiver.got.map(each => each.raw)).toEqual([receiver.got[0]!.raw, receiver.got[0]!.raw])
  })

  it('one that waits for its next try: goes now, and not a second time when that was due', async () => {
    receiver.answer((_, response) => response.writeHead(503, { 'retry-after': '3600' }).end())
    const { id } = await create()
    await say('now')
    const [delivery] = await until(
      () => log(id),
      ([each]) => each?.tries.length === 1,
    )
    receiver.answer(200)
    const answers = await Promise.all(Array.from({ length: 10 }, () => replay(delivery.id)))
    expect(new Set(answers.map(each => each.status))).toEqual(new Set([202]))
    await settled(id, 1, 'delivered')
    // Those that came after it was delivered ask for one more each.
    const [{ tries }] = (await log(id)) as [Json]
    expect(receiver.got.length).toBe(tries.length)
  })

  it('all failures since a time: each exactly once, however many ask at the same time', async () => {
    receiver.answer((received, response) => response.writeHead(received.raw.includes('bad') ? 500 : 200).end())
    const { id } = await create()
    const since = new Date(Date.now() - HOUR_MS).toISOString()
    for (let i = 0; i < 12; i++) await say(`${i % 2 ? 'bad' : 'good'} ${i}`)
    await settled(id, 12)
    receiver.got.length = 0
    receiver.answer(200)
    const ask = () => acme.post(`${hooks()}/${id}/replay`, { since })
    const answers = await Promise.all(Array.from({ length: 8 }, ask))
    expect(answers.map(each => each.status)).toEqual(Array(8).fill(202))
    expect(answers.reduce((sum, each) => sum + each.body.replayed, 0)).toBe(6)
    await settled(id, 12, 'delivered')
    const ids = receiver.got.map(each => each.body.id)
    expect([ids.length, new Set(ids).size]).toEqual([6, 6])
  })

  it('all of a range: those that were delivered, too, and nothing outside of it', async () => {
    const { id } = await create()
    // Those that come together may be of one moment.
    for (const [i, text] of ['before', 'within 1', 'within 2', 'after'].entries()) {
      await say(text)
      await settled(id, i + 1, 'delivered')
    }
    const [, last, first] = await settled(id, 4, 'delivered')
    receiver.got.length = 0
    const until_ = new Date(Date.parse(last.created_at) + 1).toISOString()
    const answer = await acme.post(`${hooks()}/${id}/replay`, {
      since: first.created_at,
      until: until_,
      include: 'all',
    })
    expect(answer.body).toEqual({ replayed: 2, next_cursor: null })
    await settled(id, 4, 'delivered')
    expect(receiver.got.map(each => each.body.data.content.text)).toEqual(['within 1', 'within 2'])
    const moments = await wataki.app.db.transaction(async own => {
      const range = { instanceId, webhookId: id, since: new Date(first.created_at), until: new Date(until_) }
      const { id: tenantId } = (await own.query<Json>('select tenant_id as id from webhook where id = $1', [id]))[0]!
      await replayRange(own, { ...range, tenantId, failedOnly: false, after: null, limit: 10 })
      return own.query('select distinct next_attempt_at from webhook_delivery where webhook_id = $1 and attempts = 0', [
        id,
      ])
    })
    // One later than another in the log could be due before it.
    expect(moments).toHaveLength(1)
    await settled(id, 4, 'delivered')
    const bad = await acme.post(`${hooks()}/${id}/replay`, { since: until_, until: first.created_at })
    expect([bad.status, Object.keys(bad.body.error.details)]).toEqual([400, ['until']])
  })

  it('with an Idempotency-Key: once, and the first answer again', async () => {
    receiver.answer(410)
    const { id } = await create()
    await say('key')
    await settled(id, 1, 'failed')
    receiver.answer(200)
    await acme.patch(`${hooks()}/${id}`, { active: true })
    const ask = () =>
      acme.post(`${hooks()}/${id}/replay`, { since: '2026-01-01T00:00:00.000Z' }, { 'idempotency-key': 'again' })
    const [first, second] = [await ask(), await ask()]
    expect([first.body, second.body]).toEqual([{ replayed: 1, next_cursor: null }, first.body])
    await settled(id, 1, 'delivered')
    expect(receiver.got).toHaveLength(2)
  })

  it('to a webhook that is not active: 400', async () => {
    const { id } = await create()
    await say('asleep')
    const [delivery] = await settled(id, 1, 'delivered')
    await acme.patch(`${hooks()}/${id}`, { active: false })
    for (const answer of [
      await replay(delivery.id),
      await acme.post(`${hooks()}/${id}/test`),
      await acme.post(`${hooks()}/${id}/replay`, { since: '2026-01-01T00:00:00.000Z' }),
    ]) {
      expect([answer.status, answer.body.error.code]).toEqual([400, 'validation_error'])
    }
  })
})

describe('a test', () => {
  it('is sent to that webhook alone, whatever it is told of, and answers what came of it', async () => {
    const { id } = await create({ events: ['qr.updated'] })
    await create({ events: ['message.received'] })
    const answer = await acme.post(`${hooks()}/${id}/test`)
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({ webhook_id: id, event: 'webhook.test', status: 'delivered', attempts: 1 })
    expect(receiver.got.map(each => each.body)).toEqual([
      {
        id: answer.body.event_id,
        event: 'webhook.test',
        instance_id: instanceId,
        timestamp: expect.stringMatching(/Z$/),
        data: { webhook_id: id },
      },
    ])
  })

  it('tells after 2 s that there is no answer yet', async () => {
    receiver.answer(() => {})
    const { id } = await create()
    const answer = await acme.post(`${hooks()}/${id}/test`)
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({ status: 'pending', attempts: 0, tries: [] })
  })
})

describe('the secret', () => {
  it('when it is rotated: old and new both sign for 24 hours, then the new one alone', async () => {
    const own = 'the secret until now, of our own'
    const { id } = await create({ secret: own })
    const rotated = await acme.post(`${hooks()}/${id}/rotate-secret`)
    expect(rotated.status).toBe(200)
    const { secret } = rotated.body
    expect(secret).toMatch(/^whsec_/)
    expect(JSON.stringify((await acme.get(`${hooks()}/${id}`)).body)).not.toContain(secret)
    await say('both')
    const [first] = await arrived(1)
    for (const each of [secret, `whsec_${Buffer.from(own).toString('base64')}`]) {
      expect(new Webhook(each).verify(first!.raw, first!.headers as Record<string, string>)).toEqual(first!.body)
    }
    await sql(`update webhook set previous_until = now() - interval '1 second' where id = $1`, [id])
    await tidyDeliveriesDue(wataki.app)
    const [row] = await sql<{ old: Buffer | null }>('select previous_secret as old from webhook where id = $1', [id])
    expect(row!.old).toBeNull()
    await say('one')
    const [, second] = await arrived(2)
    const headers = second!.headers as Record<string, string>
    expect(new Webhook(secret).verify(second!.raw, headers)).toEqual(second!.body)
    expect(() => new Webhook(`whsec_${Buffer.from(own).toString('base64')}`).verify(second!.raw, headers)).toThrow()
  })
})
