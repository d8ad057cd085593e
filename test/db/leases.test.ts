import { createHash } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { recordQr, recordState } from '../../src/db/queries/instances.ts'
import {
  claimFree,
  endLease,
  findOwner,
  heldLease,
  LeaseLost,
  releaseLease,
  takeLease,
} from '../../src/db/queries/leases.ts'
import { beatNode, buryNode, insertNode, removeAllNodes } from '../../src/db/queries/nodes.ts'
import { claimPending } from '../../src/db/queries/outbox.ts'
import { createVault } from '../../src/db/vault.ts'
import { newId } from '../../src/ids.ts'
import { createSecrets } from '../../src/secrets.ts'
import { LEASE_LOST } from '../../src/whatsapp/whatsapp.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

let own: TestDatabase
let database: Database
let instanceId: string

beforeAll(async () => {
  own = await testDatabase()
  database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  await database.sql.query("insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com')")
})
afterAll(async () => {
  await database.close()
  await own.drop()
})
beforeEach(async () => {
  instanceId = newId('inst')
  await database.sql.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, 'ten', $1, true)`, [
    instanceId,
  ])
})

const take = async (owner: string, sql = database.sql) => (await takeLease(sql, { instanceId, owner })) as number | null
const bytes = (text: string) => new TextEncoder().encode(text)
const batch = (text: string) => ({
  credentials: bytes(text),
  keys: [
    { type: 'session', id: '1', value: bytes(text) },
    { type: 'session', id: '2', value: null },
  ],
  inbox: [{ hash: createHash('sha256').update(text).digest(), stanza: {}, plain: bytes(text) }],
})
const vaultOf = ({ sql }: Database) => createVault({ sql, secrets: createSecrets('a key of the tests') })
const state = (epoch: number) => ({
  instanceId,
  at: new Date(),
  state: 'qr_required',
  lastError: null,
  linked: false,
  phoneNumber: null,
  lid: null,
  epoch,
})

/** A message that waits to be sent. */
async function leaveWaiting(): Promise<string> {
  const id = newId('msg')
  await database.sql.query(
    `insert into chat (id, tenant_id, instance_id, phone) values ($1, 'ten', $2, '5511900000001@s.whatsapp.net')`,
    [`chat ${id}`, instanceId],
  )
  await database.sql.query(
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content,
       timestamp, created_at, next_attempt_at, expires_at)
     values ($1, 'ten', $2, $1, 'chat ' || $1, 'x', 'outbound', 'text', 'pending', '{}', now(), now(), now(),
       now() + interval '1 day')`,
    [id, instanceId],
  )
  return id
}
async function claimOutbox(epoch: number): Promise<string[]> {
  const [now, leaseUntil] = [1, 2].map(minutes => new Date(Date.now() + minutes * 60_000)) as [Date, Date]
  const of = { instanceId, now, leaseUntil, inFlight: [], limit: 10, epoch, step: '' }
  return (await claimPending(database.sql, of)).map(({ id }) => id)
}

describe('a lease', () => {
  it('goes to whoever takes it, with an epoch that rises with each new owner and stays for the same', async () => {
    expect(await take('a')).toBe(1)
    expect(await take('a')).toBe(1)
    expect(await take('b')).toBe(2)
    expect(await take('a')).toBe(3)
    await endLease(database.sql, instanceId)
    expect(await take('a')).toBe(5)
  })

  it('taken a hundred times at once by one process is one lease', async () => {
    const epochs = await Promise.all(Array.from({ length: 100 }, () => take('a')))
    expect(new Set(epochs)).toEqual(new Set([1]))
  })

  it('of an instance that is gone is not to be had', async () => {
    await take('a')
    await database.sql.query('delete from instance where id = $1', [instanceId])
    expect(await take('a')).toBeNull()
  })
})

describe('a lease of a node that lives', () => {
  const enter = (id: string) =>
    insertNode(database.sql, {
      id,
      host: 'h',
      process: '',
      connections: 'nobody',
      version: '0',
      draining: false,
      leaseMs: 10_000,
    })
  afterEach(() => removeAllNodes(database.sql))

  it('is not to be had by another, until that node is buried; and burying needs that it has not beaten since', async () => {
    await enter('a')
    const epoch = await takeLease(database.sql, { instanceId, owner: 'a' })
    expect(await takeLease(database.sql, { instanceId, owner: 'b' })).toBe('held')
    expect(await findOwner(database.sql, instanceId)).toBe('a')
    const beat = await beatNode(database.sql, { id: 'a', leaseMs: 10_000, lagMs: 0 })
    expect(beat!.nodes).toMatchObject([{ id: 'a', expired: false }])
    expect(await buryNode(database.sql, { id: 'a', beats: 1 })).toBe(false)
    expect(await takeLease(database.sql, { instanceId, owner: 'b' })).toBe('held')
    expect(await buryNode(database.sql, { id: 'a', beats: 2 })).toBe(true)
    expect(await findOwner(database.sql, instanceId)).toBeNull()
    expect(await takeLease(database.sql, { instanceId, owner: 'b' })).toBe((epoch! as number) + 1)
    // Who was buried learns it at its next beat.
    expect(await beatNode(database.sql, { id: 'a', leaseMs: 10_000, lagMs: 0 })).toBeNull()
  })

  it('is free once that node is buried, though its process was stopped amid a transaction that has it locked', async () => {
    await enter('a')
    const epoch = (await take('a'))!
    const stopped = new pg.Client({ connectionString: own.url, application_name: 'nobody' })
    const cut = new Promise(resolve => stopped.on('error', resolve))
    await stopped.connect()
    await stopped.query('begin')
    await stopped.query('select from instance_lease where instance_id = $1 for share', [instanceId])
    expect(await buryNode(database.sql, { id: 'a', beats: 1 })).toBe(true)
    await cut
    expect(await take('b')).toBe(epoch + 1)
  })

  it('goes to whoever wants it once it is released, and what its owner writes late is refused', async () => {
    await enter('a')
    const epoch = (await take('a'))!
    expect(await releaseLease(database.sql, { instanceId, owner: 'b' })).toBe(false)
    expect(await releaseLease(database.sql, { instanceId, owner: 'a' })).toBe(true)
    await expect(vaultOf(database).commit(instanceId, batch('late'), epoch)).rejects.toThrow(LeaseLost)
    expect(await take('b')).toBe(epoch + 2)
  })

  it('of instances that are to be connected are taken once, however many nodes take them at the same time', async () => {
    const ids = Array.from({ length: 40 }, () => newId('inst'))
    for (const id of ids)
      await database.sql.query(
        `insert into instance (id, tenant_id, name, sandbox, wanted, linked) values ($1, 'ten', $1, true, true, true)`,
        [id],
      )
    for (const id of ['a', 'b', 'c']) await enter(id)
    const claimed = await Promise.all(
      ['a', 'b', 'c'].flatMap(owner =>
        [15, 15].map(limit => claimFree(database.sql, { owner, limit, now: new Date() })),
      ),
    )
    while ((await claimFree(database.sql, { owner: 'a', limit: 15, now: new Date() })).length > 0);
    const all = claimed.flat().map(({ id }) => id)
    expect(new Set(all).size).toBe(all.length)
    const owners = await database.sql.query('select 1 from instance_lease where instance_id = any($1) and epoch = 1', [
      ids,
    ])
    expect(owners).toHaveLength(ids.length)
    await database.sql.query('delete from instance where id = any($1)', [ids])
  })
})

describe('what is written under an epoch that is over', () => {
  it('is refused: keys, credentials, inbox, the wipe, state, QR and outbox; the rows stay as the new owner wrote them', async () => {
    const vault = vaultOf(database)
    const old = (await take('a'))!
    await vault.commit(instanceId, batch('of a'), old)
    const now = (await take('b'))!
    await vault.commit(instanceId, batch('of b'), now)
    const late = await vault.commit(instanceId, batch('too late'), old).catch((error: unknown) => error)
    expect(late).toBeInstanceOf(LeaseLost)
    expect((late as Error).name).toBe(LEASE_LOST)
    await expect(vault.wipe(instanceId, old)).rejects.toThrow(LeaseLost)
    const qr = { instanceId, qr: '2@', expiresAt: new Date() }
    expect(await recordState(database.sql, state(old))).toBeNull()
    expect(await recordQr(database.sql, { ...qr, epoch: old })).toBeNull()
    const waiting = await leaveWaiting()
    expect(await claimOutbox(old)).toEqual([])

    expect(Buffer.from((await vault.credentials(instanceId))!).toString()).toBe('of b')
    expect(Buffer.from((await vault.read(instanceId, 'session', ['1'])).get('1')!).toString()).toBe('of b')
    expect(await vault.unsettled(instanceId, 10)).toHaveLength(2)
    const [row] = await database.sql.query<{ state: string }>('select state from instance where id = $1', [instanceId])
    expect(row!.state).toBe('disconnected')

    expect(await recordState(database.sql, state(now))).toBe('ten')
    expect(await recordQr(database.sql, { ...qr, epoch: now })).toBe('ten')
    expect(await claimOutbox(now)).toEqual([waiting])
    await vault.wipe(instanceId, null)
    expect(await vault.credentials(instanceId)).toBeNull()
    await endLease(database.sql, instanceId)
    await expect(vault.commit(instanceId, batch('nobody'), now)).rejects.toThrow(LeaseLost)
    expect(await vault.credentials(instanceId)).toBeNull()
  })

  it('is refused though it began before the take-over ended, and holds that one up though it ends after it began', async () => {
    const vault = vaultOf(database)
    const old = (await take('a'))!
    const taking = Promise.withResolvers<void>()
    const goOn = Promise.withResolvers<void>()
    const over = database.transaction(async sql => {
      await take('b', sql)
      taking.resolve()
      await goOn.promise
    })
    await taking.promise
    const late = vault.commit(instanceId, batch('of a'), old).then(
      () => 'written',
      (error: Error) => error.name,
    )
    const early = await Promise.race([late, new Promise(resolve => setTimeout(() => resolve('waits'), 100))])
    expect(early).toBe('waits')
    goOn.resolve()
    await over
    expect(await late).toBe(LEASE_LOST)
    expect(await vault.credentials(instanceId)).toBeNull()

    const held = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const writing = database.transaction(async sql => {
      await sql.query(`with ${heldLease({ instance: '$1', epoch: '$2' })} select 1 from held`, [instanceId, 2])
      held.resolve()
      await end.promise
    })
    await held.promise
    const next = take('c')
    const sooner = await Promise.race([next, new Promise(resolve => setTimeout(() => resolve('waits'), 100))])
    expect(sooner).toBe('waits')
    end.resolve()
    await writing
    expect(await next).toBe(3)
  })

  it('loses against a hundred take-overs: after each, only what the newest owner wrote is there', async () => {
    const vault = vaultOf(database)
    let newest = 0
    for (let round = 0; round < 100; round++) {
      const old = newest
      const writes =
        old === 0 ? [] : [1, 2, 3].map(() => vault.commit(instanceId, batch(`of ${old}`), old).catch(() => {}))
      newest = (await take(`owner ${round}`))!
      const seen = await vault.credentials(instanceId)
      await Promise.all(writes)
      expect(await vault.credentials(instanceId)).toEqual(seen)
      await vault.commit(instanceId, batch(`of ${newest}`), newest)
    }
  })
})
