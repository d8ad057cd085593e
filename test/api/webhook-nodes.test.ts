import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../support/app.ts'
import { type Nodes, openNodes, send } from '../support/nodes.ts'
import { openReceiver, RECEIVABLE, type Received, type Receiver } from '../support/receiver.ts'

const NODES = 3
const EVENTS = 300
const CHATS = 6
const TIMEOUT_MS = 1_000
/** As long as a claim may outlive the node that has it. */
const CLAIM_MS = TIMEOUT_MS + 5_000

let nodes: Nodes
let receiver: Receiver
beforeAll(async () => {
  nodes = await openNodes(NODES, { ...RECEIVABLE, WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS), WEBHOOK_RETRY_BASE_MS: '50' })
}, 120_000)
afterAll(() => nodes.close(), 60_000)
beforeEach(async () => {
  receiver = await openReceiver()
})
afterEach(() => receiver.close())

interface Place {
  tenantId: string
  instanceId: string
  webhookId: string
}

async function openPlace(): Promise<Place> {
  const { tenantId, apiKey } = await nodes.tenant()
  const { url } = nodes.nodes[0]!
  const headers = { 'x-api-key': apiKey }
  const { id: instanceId } = (await send(`${url}/v1/instances`, { headers, json: { name: 'bot' } })).body
  const input = { url: receiver.url, events: ['message.received'] }
  const made = await send(`${url}/v1/instances/${instanceId}/webhooks`, { headers, json: input })
  return { tenantId, instanceId, webhookId: made.body.id }
}

/** Events of several chats, each as if recorded by one of the nodes; nobody is told. */
const queue = (place: Place): Promise<unknown> =>
  nodes.rows(
    `with made as (
         insert into event (id, tenant_id, instance_id, type, data, created_at, about, seq, kept_until)
         select 'evt_' || substr(md5($2 || n), 1, 26), $1, $2, 'message.received',
           jsonb_build_object('chat_id', 'chat ' || n % $4, 'place', n), now(), 'x', n, now() + interval '1 day'
         from generate_series(1, $5::int) as n returning id, seq, data)
     insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat, next_attempt_at)
     select 'del_' || substr(id, 5) || 'a', $1, $2, $3, id, 'message.received', seq, data->>'chat_id',
       clock_timestamp() + seq * interval '1 microsecond' from made`,
    [place.tenantId, place.instanceId, place.webhookId, CHATS, EVENTS],
  )

/** Deliveries by what became of them. */
const statuses = async ({ webhookId }: Place): Promise<Record<string, number>> => {
  const counted = await nodes.rows(
    'select status, count(*)::int as count from webhook_delivery where webhook_id = $1 group by status',
    [webhookId],
  )
  return Object.fromEntries(counted.map(({ status, count }) => [status, count]))
}

/** The last that a chat has seen, and what came after a later one. */
function inversions(got: Received[]): string[] {
  const last = new Map<string, number>()
  return got.flatMap(({ body: { data } }) => {
    const before = last.get(data.chat_id) ?? 0
    last.set(data.chat_id, data.place)
    return data.place < before ? [`${data.place} after ${before}`] : []
  })
}

const soon = (_: Received, response: ServerResponse) =>
  void setTimeout(() => response.writeHead(200).end(), Math.random() * 10)

describe(`${NODES} nodes on one database`, () => {
  it(`deliver ${EVENTS} events of ${CHATS} chats that wait for one webhook: each exactly once, each chat in order`, async () => {
    receiver.answer(soon)
    const place = await openPlace()
    await queue(place)
    await until(
      () => statuses(place),
      found => found.delivered === EVENTS,
    )
    expect(receiver.got.map(each => each.body.id).length).toBe(EVENTS)
    expect(new Set(receiver.got.map(each => each.body.id)).size).toBe(EVENTS)
    expect(inversions(receiver.got)).toEqual([])
  })

  it('keep off a webhook that another has claimed, and take it when that claim ends', async () => {
    const place = await openPlace()
    const claim = `update webhook set claimed_by = 'node_that_died', claimed_until = clock_timestamp() + $2 * interval '1 ms'
      where id = $1`
    await nodes.rows(claim, [place.webhookId, CLAIM_MS])
    const claimedMs = performance.now()
    await queue(place)
    await sleep(CLAIM_MS / 2)
    expect(receiver.got).toEqual([])
    await until(
      () => receiver.got.length,
      count => count > 0,
    )
    expect(performance.now() - claimedMs).toBeGreaterThan(CLAIM_MS - 500)
    await until(
      () => statuses(place),
      found => found.delivered === EVENTS,
    )
    expect(receiver.got).toHaveLength(EVENTS)
  })

  it('hand a webhook on at once when the node that has it ends in peace, with its tries written down', async () => {
    receiver.answer(soon)
    const place = await openPlace()
    await queue(place)
    const [owner] = await until(
      () => nodes.rows('select claimed_by from webhook where id = $1 and claimed_by is not null', [place.webhookId]),
      found => found.length > 0 && receiver.got.length > 20,
    )
    const ending = nodes.nodes.findIndex(({ app }) => app.node.id === owner.claimed_by)
    // The connection of the others is that of the first.
    const [ended] = ending > 0 ? nodes.nodes.splice(ending, 1) : []
    await ended?.close()
    await until(
      () => statuses(place),
      found => found.delivered === EVENTS,
    )
    expect(receiver.got).toHaveLength(EVENTS)
    expect(inversions(receiver.got)).toEqual([])
  })

  it('do not count a try that another node has made and written down meanwhile', async () => {
    const answers: ServerResponse[] = []
    receiver.answer((_, response) => void answers.push(response))
    const place = await openPlace()
    await queue(place)
    await until(
      () => answers.length,
      count => count === CHATS,
    )
    const written = `update webhook_delivery set status = 'delivered', attempts = 1, next_attempt_at = null,
      finished_at = now() where webhook_id = $1 returning id`
    expect(await nodes.rows(written, [place.webhookId])).toHaveLength(EVENTS)
    for (const response of answers) response.writeHead(500).end()
    await until(
      () => nodes.nodes.reduce((sum, { app }) => sum + app.deliveries.of(place).inHand.size, 0),
      inHand => inHand === 0,
    )
    const again = `select status, attempts from webhook_delivery where webhook_id = $1 group by status, attempts`
    expect(await nodes.rows(again, [place.webhookId])).toEqual([{ status: 'delivered', attempts: 1 }])
  })
})
