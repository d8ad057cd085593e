import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

let wataki: TestApp
let acme: Caller
let bot: string
let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '1' })
  acme = await wataki.tenant()
  bot = await connectedInstance(acme, 'bot')
}, 60_000)
afterAll(async () => {
  await wataki?.close()
  await receiver?.close()
})

const READS = '5511900000001'
const DELIVERS = '5511900000003'
const REFUSED = '5511900000004'
const ROUTES = ['overview', 'messages', 'webhooks', 'api-usage', 'instances', 'errors']

const report = async (path: string, caller = acme): Promise<Json> => {
  const { status, body } = await caller.get(`/v1/observability/${path}`)
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}
const send = async (to: string, instance = bot, caller = acme): Promise<string> => {
  const { body } = await caller.post(`/v1/instances/${instance}/messages`, {
    chat_id: to,
    type: 'text',
    content: { text: 'words' },
  })
  return body.id
}
const settled = (id: string, status: string) =>
  until(
    () => acme.get(`/v1/instances/${bot}/messages/${id}`),
    ({ body }) => body.status === status,
  )

describe('the six answers', () => {
  it('count what is there', async () => {
    await settled(await send(READS), 'read')
    await settled(await send(DELIVERS), 'delivered')
    await settled(await send(REFUSED), 'failed')
    for (const route of ROUTES) console.log(route, JSON.stringify(await report(route)).slice(0, 1500))
    expect((await report('messages')).totals).toEqual({ sent: 2, delivered: 2, read: 1, failed: 1, received: 0 })
  })
})
