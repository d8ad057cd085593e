import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** A server as it is when no operator has loaded an SDK for traces. */

let wataki: TestApp
let acme: Caller
let receiver: Receiver
beforeAll(async () => {
  wataki = await openTestApp(RECEIVABLE)
  acme = await wataki.tenant()
  receiver = await openReceiver()
}, 60_000)
afterAll(async () => {
  await wataki?.close()
  await receiver?.close()
})

it('writes no trace down and sends none, whatever callers send', async () => {
  const path = `/v1/instances/${await connectedInstance(acme)}`
  await acme.post(`${path}/webhooks`, { url: receiver.url, events: ['message.status', 'message.received'] })
  const words = { type: 'text', content: { text: 'words' } }
  const headers = { traceparent: `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01` }
  const { body } = await acme.post(`${path}/messages`, { chat_id: '5511900000001', ...words }, headers)
  await acme.post(`${path}/sandbox/messages`, { from: '5511900000001', ...words }, headers)
  await until(
    () => acme.get(`${path}/messages/${body.id}`),
    answer => answer.body.status === 'read',
  )
  await until(
    () => receiver.got,
    got => got.length >= 4,
  )
  expect(receiver.got.filter(each => 'traceparent' in each.headers)).toEqual([])
  for (const table of ['message', 'event', 'inbox']) {
    const [row] = await wataki.app.db.sql.query<Json>(
      `select count(*)::int as all, count(trace)::int as traced from ${table}`,
    )
    expect([table, row.all > 0, row.traced]).toEqual([table, true, 0])
  }
})
