import { createHook } from 'node:async_hooks'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { results, socketClient } from '../support/graphql.ts'
import {
  type Belongings,
  type GraphqlRequest,
  graphqlBody,
  graphqlOperations,
  MISSING,
  type Operation,
  type RestRequest,
  restOperations,
} from '../support/operations.ts'

/** The isolation of tenants: over every operation there is, as the schema and the OpenAPI document list them. */

let wataki: TestApp
let victim: Caller
let stranger: Caller
let theirs: Belongings
let own: Belongings
let document: Json

beforeAll(async () => {
  wataki = await openTestApp({ RATE_LIMIT_PER_MINUTE: '100000000' })
  victim = await wataki.tenant()
  stranger = await wataki.tenant()
  theirs = await belongingsOf(victim)
  own = await belongingsOf(stranger)
  document = (await stranger.get('/v1/openapi.json')).body
}, 60_000)
afterAll(() => wataki.close())

async function belongingsOf(caller: Caller): Promise<Belongings> {
  const instanceId = await connectedInstance(caller, 'linked')
  const sent = await caller.post(`/v1/instances/${instanceId}/messages`, {
    chat_id: '5511900000001',
    type: 'text',
    content: { text: 'a secret of ours' },
  })
  const status = () => caller.get(`/v1/instances/${instanceId}/messages/${sent.body.id}`)
  await until(status, answer => answer.body.status === 'read')
  const key = await caller.post('/v1/auth/api-keys', { name: 'second' })
  const file = new FormData()
  file.set('file', new Blob(['a file of ours']), 'ours.txt')
  const uploaded = await fetch(`${wataki.url}/v1/instances/${instanceId}/media`, {
    method: 'POST',
    headers: { 'x-api-key': caller.apiKey },
    body: file,
  })
  const { id: mediaId } = (await uploaded.json()) as Json
  // One that takes nothing any more: nothing of it changes by itself.
  const hooks = `/v1/instances/${instanceId}/webhooks`
  const hook = await caller.post(hooks, { url: 'https://nowhere.invalid/hook', events: ['message.received'] })
  const { body: delivery } = await caller.post(`${hooks}/${hook.body.id}/test`)
  await caller.patch(`${hooks}/${hook.body.id}`, { active: false })
  await until(
    () => caller.get(`/v1/instances/${instanceId}/deliveries/${delivery.id}`),
    answer => answer.body.status === 'failed',
  )
  return {
    instanceId,
    messageId: sent.body.id,
    mediaId,
    keyId: key.body.id,
    webhookId: hook.body.id,
    deliveryId: delivery.id,
  }
}

interface Asked {
  status: number
  body: Json
}

const rest = async (caller: Caller, { method, path, body }: RestRequest): Promise<Asked> => {
  const answer = await caller.request(method, path, body === undefined ? {} : { body: JSON.stringify(body) })
  return { status: answer.status, body: answer.body }
}

const graphql = async (caller: Caller, request: GraphqlRequest): Promise<Asked> => {
  const { isStream } = request
  const { headers, body } = graphqlBody(request)
  const response = await fetch(`${wataki.url}/graphql`, {
    method: 'POST',
    headers: {
      ...headers,
      'x-api-key': caller.apiKey,
      accept: isStream ? 'text/event-stream' : 'application/json',
    },
    body,
    // A stream that opens is the failure that is looked for.
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  const json = isStream ? text.match(/^data: (\{.*\})$/m)?.[1] : text
  return { status: response.status, body: JSON.parse(json!) }
}

const codeOf = ({ body }: Asked): string | undefined => body?.error?.code ?? body?.errors?.[0].extensions.code

/** Names of tables with rows of a tenant, from the catalogue, and how to find those rows. */
async function tables(): Promise<{ table: string; where: string }[]> {
  const rows = await wataki.app.db.sql.query<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns
     where table_schema = 'public' and column_name in ('tenant_id', 'instance_id') order by 1, 2`,
  )
  const byTable = Map.groupBy(rows, row => row.table)
  return [...byTable].map(([table, columns]) => ({
    table,
    where: columns.some(({ column }) => column === 'tenant_id')
      ? 'tenant_id = $1'
      : 'instance_id in (select id from instance where tenant_id = $1)',
  }))
}

/** All that the database holds of a tenant, as one text. */
async function holdings(tenantId: string): Promise<Record<string, string>> {
  const held: Record<string, string> = {}
  for (const { table, where } of await tables()) {
    const [row] = await wataki.app.db.sql.query<{ all: string }>(
      `select coalesce(string_agg(md5(row::text), ' ' order by md5(row::text)), '') as all
       from (select * from ${table} where ${where}) as row`,
      [tenantId],
    )
    if (!(table in WRITTEN_BEHIND)) held[table] = row!.all
  }
  return held
}

/** Tables that change by themselves for a while after their owner did something. */
const WRITTEN_BEHIND: Record<string, string> = {
  api_key: 'when a key was last used',
  api_rollup: "its owner's calls",
  recent_error: "what was answered to its owner's calls",
  message_rollup: "its owner's messages",
  rollup_mark: 'which of them are counted',
}

/** With each id in turn somebody else's, the others our own; and with all of them somebody else's. */
async function foreignCases<Request>(
  operation: Operation<Request>,
  ask: (caller: Caller, request: Request) => Promise<Asked>,
): Promise<string[]> {
  const failures: string[] = []
  for (const taken of [...operation.ids.map(id => [id]), operation.ids]) {
    const mixed = (from: Belongings) =>
      operation.request({ ...own, ...Object.fromEntries(taken.map(id => [id, from[id]])) })
    const foreign = await ask(stranger, mixed(theirs))
    const missing = await ask(stranger, mixed(MISSING))
    if (codeOf(foreign) !== 'not_found' || JSON.stringify(foreign) !== JSON.stringify(missing)) {
      failures.push(
        `${operation.name} with ${taken.join(' and ')} of another: ${JSON.stringify(foreign)} and not ${JSON.stringify(missing)}`,
      )
    }
  }
  return failures
}

describe('every operation that takes an id', () => {
  it('is in the matrix: whatever is in the schema and in the OpenAPI document', () => {
    const names = graphqlOperations(schema).map(operation => operation.name)
    const routes = restOperations(document).map(operation => operation.name)
    const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(type =>
      Object.keys(type?.getFields() ?? {}),
    )
    expect(names).toEqual(fields)
    expect(routes.length).toBe(Object.values<Json>(document.paths).flatMap(item => Object.keys(item)).length)
    expect(graphqlOperations(schema).filter(({ ids }) => ids.length > 0).length).toBeGreaterThanOrEqual(16)
  })

  it('answers the same 404 to an id of another tenant as to a missing one, and changes nothing', async () => {
    const before = await holdings(victim.tenantId)
    const failures: string[] = []
    const takesId = ({ ids }: { ids: unknown[] }) => ids.length > 0
    for (const operation of restOperations(document).filter(takesId)) {
      failures.push(...(await foreignCases(operation, rest)))
    }
    for (const operation of graphqlOperations(schema).filter(takesId)) {
      failures.push(...(await foreignCases(operation, graphql)))
    }
    expect(failures).toEqual([])
    expect(await holdings(victim.tenantId)).toEqual(before)
    expect((await victim.get(`/v1/instances/${theirs.instanceId}/status`)).body.state).toBe('connected')
  }, 120_000)
})

describe('every operation that takes none', () => {
  it('tells nothing of another tenant, and changes nothing of theirs', async () => {
    const before = await holdings(victim.tenantId)
    const visitor = await wataki.tenant()
    const secrets = [...Object.values(theirs), victim.tenantId, 'a secret of ours', victim.apiKey.slice(0, 8)]
    const told: [string, string][] = []
    for (const operation of restOperations(document).filter(({ ids }) => ids.length === 0)) {
      told.push([operation.name, JSON.stringify(await rest(visitor, operation.request(MISSING)))])
    }
    for (const operation of graphqlOperations(schema).filter(({ ids }) => ids.length === 0)) {
      told.push([operation.name, JSON.stringify(await graphql(visitor, operation.request(MISSING)))])
    }
    expect(told.length).toBeGreaterThan(10)
    for (const [name, text] of told) for (const secret of secrets) expect(text, name).not.toContain(secret)
    expect(await holdings(victim.tenantId)).toEqual(before)
  })

  it('gives nobody the page of another by its cursor', async () => {
    for (let i = 0; i < 2; i++) await victim.post('/v1/instances', { name: `page ${i}` })
    const { body } = await victim.get('/v1/instances?limit=1')
    const page = await stranger.get(`/v1/instances?cursor=${body.page.next_cursor}`)
    expect(page).toMatchObject({ status: 400, body: { error: { details: { cursor: expect.any(String) } } } })
  })
})

describe('subscriptions', () => {
  it('of ten tenants get their own events and none of the others', async () => {
    const callers = await Promise.all(Array.from({ length: 10 }, () => wataki.tenant()))
    const heard = new Map<string, Json[]>()
    const clients = []
    const instances: { id: string; tenantId: string }[] = []
    for (const caller of callers) {
      const id = (await caller.post('/v1/instances', { name: 'listens' })).body.id as string
      instances.push({ id, tenantId: caller.tenantId })
      const client = socketClient(wataki.url, caller.apiKey)
      clients.push(client)
      heard.set(id, [])
      for (const field of ['messageReceived', 'messageStatusChanged']) {
        client.subscribe<Json>(
          { query: `subscription { ${field}(instanceId: "${id}") { id instanceId } }` },
          { next: result => heard.get(id)!.push(result.data?.[field]), error: () => {}, complete: () => {} },
        )
      }
    }
    await until(
      () => wataki.app.bus.size,
      size => size === 20,
    )
    const rounds = 250
    for (let round = 0; round < rounds; round++) {
      for (const { id: instanceId, tenantId } of instances) {
        const base = { tenantId, instanceId, at: new Date(), about: 'x', webhooks: [], data: {} as never }
        const content = { type: 'text' }
        const subject = { id: `msg_${round}`, instanceId, status: 'sent', content, timestamp: new Date(), error: null }
        let seq = 4 * round
        for (const type of ['message.received', 'message.status', 'connection.update'] as const) {
          wataki.app.bus.publish({ ...base, id: `evt_${round}`, seq: ++seq, type, subject })
        }
        // The same instance under another tenant: no such event exists, and it must reach nobody.
        const foreign = {
          tenantId: 'ten_other',
          id: `evt_${round}`,
          seq: ++seq,
          type: 'message.status',
          subject,
        } as const
        wataki.app.bus.publish({ ...base, ...foreign })
      }
      await new Promise(setImmediate)
    }
    await until(
      () => [...heard.values()].every(events => events.length >= 2 * rounds),
      done => done,
    )
    for (const [id, events] of heard) {
      expect(events.filter(event => event?.instanceId !== id)).toEqual([])
      expect(events).toHaveLength(2 * rounds)
    }
    for (const client of clients) await client.dispose()
  })

  it('to an instance of another tenant are refused over WebSocket as to a missing one', async () => {
    const client = socketClient(wataki.url, stranger.apiKey)
    const ask = (id: string) =>
      results(client, `subscription { messageReceived(instanceId: "${id}") { id } }`).catch(errors => errors)
    const [[foreign], [missing]] = [await ask(theirs.instanceId), await ask(MISSING.instanceId)]
    expect((foreign.errors ?? [foreign])[0].extensions.code).toBe('not_found')
    expect(foreign).toEqual(missing)
    await client.dispose()
  })
})

describe('a deleted instance', () => {
  it('leaves no row, no socket and no timer within 5 s, and its id is never used again', async () => {
    const caller = await wataki.tenant()
    const before = await sockets()
    const timers = timersFromNow()
    const id = await connectedInstance(caller, 'doomed')
    expect(await sockets()).toBeGreaterThan(before)
    await caller.post(`/v1/instances/${id}/messages`, {
      chat_id: '5511900000001',
      type: 'text',
      content: { text: 'x' },
    })
    expect((await caller.delete(`/v1/instances/${id}`)).status).toBe(204)
    const rowsLeft = async () => {
      const left: string[] = []
      for (const { table, where } of await tables()) {
        if (!where.startsWith('instance_id') && !(await hasColumn(table, 'instance_id'))) continue
        const rows = await wataki.app.db.sql.query(`select 1 as one from ${table} where instance_id = $1`, [id])
        if (rows.length > 0) left.push(table)
      }
      return left
    }
    await until(rowsLeft, left => left.length === 0, 5_000)
    await until(sockets, open => open === before, 5_000)
    await until(timers.left, left => left.length === 0, 5_000)
    timers.stop()
    const outcome = await wataki.app.whatsapp.send(id, { whatsappId: 'x', chat: '1@lid', payload: new Uint8Array() })
    expect(outcome).toEqual({ kind: 'not_connected' })
    const again = await caller.post('/v1/instances', { name: 'doomed' })
    expect([again.status, again.body.id === id]).toEqual([201, false])
  })

  it('leaves none either when no phone was linked, or while one is being linked', async () => {
    const caller = await wataki.tenant()
    const before = await sockets()
    const timers = timersFromNow()
    for (const stage of ['unlinked', 'linking']) {
      const { body } = await caller.post('/v1/instances', { name: stage, sandbox: true })
      const path = `/v1/instances/${body.id}`
      await caller.post(`${path}/connect`)
      const scanned = stage === 'linking' ? caller.post(`${path}/sandbox/scan`) : null
      const linked = async () => (await caller.get(path)).body.phone_number !== null
      if (scanned) await until(linked, isLinked => isLinked)
      expect(timers.left()).not.toEqual([])
      expect((await caller.delete(path)).status).toBe(204)
      await until(sockets, open => open === before, 5_000)
      await until(timers.left, left => left.length === 0, 5_000)
      await scanned
    }
    timers.stop()
  })

  /** What begins from now on and still runs, whoever waits for it: where it began. */
  function timersFromNow() {
    const begun = new Map<{ _destroyed?: boolean }, string>()
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 30
    const hook = createHook({
      init: (_id, type, _trigger, timer) => void (type === 'Timeout' && begun.set(timer, new Error().stack!)),
    }).enable()
    const left = () => [...begun].filter(([timer, stack]) => !timer._destroyed && !OF_THE_APP.test(stack))
    const stop = () => {
      hook.disable()
      Error.stackTraceLimit = stackTraceLimit
    }
    return { left: () => left().map(([, stack]) => stack), stop }
  }

  /** Pools of connections, the doors, the clock, and the `fetch` of the test. */
  const OF_THE_APP = /pg-pool|node:_http_server|src\/http\/revoked|src\/jobs\/|src\/db\/channel|deps\/undici/

  /** Of both ends, between this process and its WhatsApp network. */
  const sockets = async () => {
    const { webSocketUrl } = await wataki.app.sandbox!.network()
    const port = Number(new URL(webSocketUrl!).port)
    const handles = (process as unknown as { _getActiveHandles(): Partial<Socket>[] })._getActiveHandles()
    return handles.filter(handle => handle.remotePort === port || handle.localPort === port).length
  }

  const hasColumn = async (table: string, column: string) =>
    (
      await wataki.app.db.sql.query(
        'select 1 as one from information_schema.columns where table_name = $1 and column_name = $2',
        [table, column],
      )
    ).length > 0

  it('takes everything along: each table with a tenant or an instance hangs on it by a cascade', async () => {
    const keys = await wataki.app.db.sql.query<{ table: string; column: string; rule: string }>(
      `select c.conrelid::regclass::text as table, a.attname as column, c.confdeltype::text as rule
       from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
       where c.contype = 'f' and c.confrelid in ('tenant'::regclass, 'instance'::regclass, 'webhook'::regclass)`,
    )
    const cascades = new Set(keys.filter(key => key.rule === 'c').map(key => `${key.table}.${key.column}`))
    const columns = await wataki.app.db.sql.query<{ name: string }>(
      `select table_name || '.' || column_name as name from information_schema.columns
       where table_schema = 'public' and column_name in ('tenant_id', 'instance_id')`,
    )
    const loose = columns.map(column => column.name).filter(name => !cascades.has(name) && !(name in OUTLIVES))
    expect(loose).toEqual([])
    expect(cascades.size).toBeGreaterThanOrEqual(9)
  })

  /** Columns that name a tenant and do not go with it, each with its reason. */
  const OUTLIVES: Record<string, string> = {
    'audit_log.tenant_id': 'tells what was done, the deletion too',
  }
})

describe('a deleted tenant', () => {
  it('leaves no row', async () => {
    const caller = await wataki.tenant()
    await caller.post('/v1/instances', { name: 'gone' })
    await wataki.app.db.sql.query('delete from tenant where id = $1', [caller.tenantId])
    const left = await holdings(caller.tenantId)
    const { audit_log: _, ...others } = left
    expect(Object.values(others).every(rows => rows === '')).toBe(true)
    expect((await caller.get('/v1/instances')).status).toBe(401)
  })
})
