import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'

/** What is known of a query from the first time, parsed and checked, changes nothing of the later answers. */

let wataki: TestApp
let acme: Caller
let bot: string
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  bot = (await acme.post('/v1/instances', { name: 'bot', description: 'Says "hi"' })).body.id
  const hook = { url: 'https://93.184.216.34/hook', events: ['message.received', 'qr.updated'] }
  await acme.post(`/v1/instances/${bot}/webhooks`, hook)
  await wataki.app.db.sql.query(
    `insert into chat (id, tenant_id, instance_id, phone) values ('chat_1', $1, $2, '5511900000001@s.whatsapp.net')`,
    [acme.tenantId, bot],
  )
  await wataki.app.db.sql.query(
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp)
     select 'msg_' || lpad(n::text, 26, '0'), $1, $2, 'W' || n, 'chat_1', 'x', 'inbound', 'text', 'delivered', '{"text":"x"}', now()
     from generate_series(1, 3) as n`,
    [acme.tenantId, bot],
  )
}, 60_000)
afterAll(() => wataki.close())

const ASKED: [string, string, object?][] = [
  [
    'an object',
    'query ($id: ID!) { instance(instanceId: $id) { id name description status { state updatedAt } createdAt } }',
  ],
  [
    'under other names',
    'query ($id: ID!) { one: instance(instanceId: $id) { called: name } two: instance(instanceId: $id) { id } }',
  ],
  [
    'lists in lists, and enums',
    '{ instances { data { webhooks { url events } chats { data { messages(limit: 2) { data { id type content { __typename ... on TextContent { text } } } page { nextCursor } } } } } } }',
  ],
  [
    'what is left out',
    'query ($id: ID!, $yes: Boolean!) { instance(instanceId: $id) { id name @skip(if: $yes) sandbox @include(if: $yes) } }',
    { yes: true },
  ],
  [
    'fragments',
    'query ($id: ID!) { instance(instanceId: $id) { ...A } } fragment A on Instance { id config { emitRaw } }',
  ],
  [
    'what is missing',
    'query ($id: ID!) { nothing: instance(instanceId: "inst_nothing") { id } instance(instanceId: $id) { id } }',
  ],
  ['bad arguments', 'query { instances(limit: 1000) { data { id } } }'],
  [
    'a variable of the wrong type',
    'query ($id: ID!, $limit: Int) { instance(instanceId: $id) { id } instances(limit: $limit) { data { id } } }',
    { limit: 'x' },
  ],
  ['a variable that is missing', 'query ($other: ID!) { instance(instanceId: $other) { id } }'],
]

it.each(ASKED)('%s: the same answer each time, errors and their places included', async (_, query, variables = {}) => {
  const answers: unknown[] = []
  for (let n = 0; n < 6; n++) {
    const { data, errors } = await acme.graphql(query, { ...(query.includes('$id') && { id: bot }), ...variables })
    answers.push({ data, errors })
  }
  for (const answer of answers.slice(1)) expect(answer).toEqual(answers[0])
})
