import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Instance } from '../../src/db/entities/instance.ts'
import { Tenant } from '../../src/db/entities/tenant.ts'
import type { Database } from '../../src/db/open.ts'
import { chatOf } from '../../src/db/queries/chats.ts'
import { settleInbox } from '../../src/db/queries/inbox.ts'
import { takeLease } from '../../src/db/queries/leases.ts'
import { createVault, payloadPlace } from '../../src/db/vault.ts'
import { newId } from '../../src/ids.ts'
import { createSecrets } from '../../src/secrets.ts'
import type { Vault } from '../../src/whatsapp/whatsapp.ts'
import { ENGINES, type Opened } from './engines.ts'

/** Of the lease that each instance has. */
const EPOCH = 1

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (plain: Uint8Array | null | undefined): string | null => (plain ? Buffer.from(plain).toString() : null)
const hash = (of: string): Buffer => createHash('sha256').update(of).digest()

describe.each(ENGINES)('on %s', (_name, open) => {
  let opened: Opened
  let database: Database
  let tenantId: string
  let instanceId: string

  beforeAll(async () => {
    opened = await open()
    database = opened.database
  })
  afterAll(() => opened.end())
  beforeEach(async () => {
    tenantId = newId('ten')
    instanceId = newId('inst')
    const em = database.orm.em.fork()
    em.create(Tenant, { id: tenantId, name: 'Acme', email: `${tenantId}@example.com` })
    em.create(Instance, { id: instanceId, tenantId, name: 'support', sandbox: true })
    await em.flush()
    await takeLease(database.sql, { instanceId, owner: 'test' })
  })

  const count = async (table: string): Promise<number> => {
    const rows = await database.sql.query<{ n: number }>(
      `select count(*)::int as n from ${table} where instance_id = $1`,
      [instanceId],
    )
    return rows[0]!.n
  }

  describe('the vault', () => {
    const secrets = createSecrets('a key of the test')
    let vault: Vault
    beforeEach(() => void (vault = createVault({ sql: database.sql, secrets })))

    it('keeps credentials, keys and inbox of a batch, and gives them back', async () => {
      const prekeys = Array.from({ length: 812 }, (_, n) => ({
        type: 'pre-key',
        id: String(n),
        value: bytes(`pre-key ${n}`),
      }))
      await vault.commit(
        instanceId,
        {
          credentials: bytes('credentials 1'),
          keys: prekeys,
          inbox: [
            { hash: hash('2'), stanza: { id: 'B', from: 'x@lid' }, plain: bytes('second') },
            { hash: hash('1'), stanza: { id: 'A' }, plain: bytes('first') },
          ],
        },
        EPOCH,
      )
      expect(text(await vault.credentials(instanceId))).toBe('credentials 1')
      const some = await vault.read(instanceId, 'pre-key', ['0', '811', '900'])
      expect([...some].map(([id, value]) => [id, text(value)]).sort()).toEqual([
        ['0', 'pre-key 0'],
        ['811', 'pre-key 811'],
      ])
      expect(await vault.read(instanceId, 'session', ['0'])).toEqual(new Map())
      expect((await vault.unsettled(instanceId, 10)).map(row => [row.stanza, text(row.plain)])).toEqual([
        [{ id: 'B', from: 'x@lid' }, 'second'],
        [{ id: 'A' }, 'first'],
      ])
      expect(await vault.unsettled(instanceId, 1)).toHaveLength(1)
      expect(text(await vault.inboxPlain(instanceId, hash('1')))).toBe('first')
      expect(await vault.inboxPlain(instanceId, hash('3'))).toBeNull()
    })

    it('replaces, deletes, and of several changes to a key keeps the last', async () => {
      const key = (id: string, value: string | null) => ({
        type: 'session',
        id,
        value: value === null ? null : bytes(value),
      })
      await vault.commit(
        instanceId,
        {
          keys: [key('1', 'a'), key('2', 'a'), key('1', 'b'), key('3', 'a'), key('3', null)],
          inbox: [],
        },
        EPOCH,
      )
      await vault.commit(
        instanceId,
        {
          keys: [key('2', null), key('4', null), key('1', 'c'), key('5', null), key('5', 'a')],
          inbox: [],
        },
        EPOCH,
      )
      const found = await vault.read(instanceId, 'session', ['1', '2', '3', '4', '5'])
      expect([...found].map(([id, value]) => [id, text(value)]).sort()).toEqual([
        ['1', 'c'],
        ['5', 'a'],
      ])
      await vault.commit(instanceId, { keys: [], inbox: [] }, EPOCH)
    })

    it('a ciphertext that comes twice keeps its first plaintext', async () => {
      await vault.commit(
        instanceId,
        { keys: [], inbox: [{ hash: hash('1'), stanza: {}, plain: bytes('first') }] },
        EPOCH,
      )
      await vault.commit(
        instanceId,
        { keys: [], inbox: [{ hash: hash('1'), stanza: {}, plain: bytes('again') }] },
        EPOCH,
      )
      expect((await vault.unsettled(instanceId, 10)).map(row => text(row.plain))).toEqual(['first'])
    })

    it('a batch that fails in its last row leaves nothing of it behind', async () => {
      await vault.commit(
        instanceId,
        {
          credentials: bytes('before'),
          keys: [{ type: 'session', id: '1', value: bytes('before') }],
          inbox: [],
        },
        EPOCH,
      )
      const failing = vault.commit(
        instanceId,
        {
          credentials: bytes('after'),
          keys: [
            { type: 'session', id: '1', value: null },
            { type: 'session', id: '2', value: bytes('after') },
          ],
          inbox: [
            { hash: hash('1'), stanza: {}, plain: bytes('after') },
            { hash: Buffer.from('too short'), stanza: {}, plain: bytes('after') },
          ],
        },
        EPOCH,
      )
      await expect(failing).rejects.toThrow('inbox_hash_check')
      expect(text(await vault.credentials(instanceId))).toBe('before')
      expect(
        [...(await vault.read(instanceId, 'session', ['1', '2']))].map(([id, value]) => [id, text(value)]),
      ).toEqual([['1', 'before']])
      expect(await vault.unsettled(instanceId, 10)).toEqual([])
    })

    it('nothing of it stands readable in a table, and a row opens only in its own place', async () => {
      const secret = 'the plain words of the secret'
      const other = newId('inst')
      await database.sql.query("insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'other', true)", [
        other,
        tenantId,
      ])
      await vault.commit(
        instanceId,
        {
          credentials: bytes(secret),
          keys: [{ type: 'session', id: '1', value: bytes(secret) }],
          inbox: [{ hash: hash('1'), stanza: {}, plain: bytes(secret) }],
        },
        EPOCH,
      )
      const rows = await database.sql.query<{ value: Buffer }>(
        `select value from credential where instance_id = $1 union all select value from signal_key where instance_id = $1
         union all select plain from inbox where instance_id = $1`,
        [instanceId],
      )
      expect(rows).toHaveLength(3)
      for (const row of rows) {
        expect(row.value.includes(secret)).toBe(false)
        expect(row.value).toHaveLength(secret.length + 29)
      }
      for (const table of ['credential', 'signal_key', 'inbox']) {
        await database.sql.query(`update ${table} set instance_id = $2 where instance_id = $1`, [instanceId, other])
      }
      await expect(vault.credentials(other)).rejects.toThrow()
      await expect(vault.read(other, 'session', ['1'])).rejects.toThrow()
      await expect(vault.unsettled(other, 1)).rejects.toThrow()
    })

    it('a row of the inbox is settled with the transaction that stores its message, or not at all', async () => {
      await vault.commit(
        instanceId,
        {
          keys: [],
          inbox: ['1', '2', '3'].map(n => ({ hash: hash(n), stanza: { n }, plain: bytes(n) })),
        },
        EPOCH,
      )
      const [first, second] = await vault.unsettled(instanceId, 10)
      await database
        .transaction(async sql => {
          await settleInbox(sql, instanceId, [first!.inboxKey], new Date())
          throw new Error('the message was not stored')
        })
        .catch(() => {})
      expect(await vault.unsettled(instanceId, 10)).toHaveLength(3)
      await database.transaction(sql => settleInbox(sql, instanceId, [first!.inboxKey], new Date()))
      await vault.settle(instanceId, [second!.inboxKey])
      expect((await vault.unsettled(instanceId, 10)).map(row => row.stanza)).toEqual([{ n: '3' }])
      expect(text(await vault.inboxPlain(instanceId, hash('1')))).toBe('1')
    })

    it('finds the payload of a message we sent, and of no other', async () => {
      const id = newId('msg')
      const names = { groupJid: null, phone: '5511@s.whatsapp.net', lid: null }
      const chat = await chatOf(database.sql, { instanceId, names, now: new Date() })
      await database.sql.query(
        `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, payload, timestamp)
         values ($1, $2, $3, '3EB0', $5, 'me', 'outbound', 'text', 'sent', '{}', $4, current_timestamp)`,
        [id, tenantId, instanceId, secrets.seal(bytes('protobuf'), payloadPlace(id)), chat!.id],
      )
      expect(text(await vault.sentPayload(instanceId, '3EB0'))).toBe('protobuf')
      expect(await vault.sentPayload(instanceId, '3EB1')).toBeNull()
      expect(await vault.sentPayload(newId('inst'), '3EB0')).toBeNull()
    })

    it('wipe leaves nothing of this instance', async () => {
      await vault.commit(
        instanceId,
        {
          credentials: bytes('c'),
          keys: [{ type: 'session', id: '1', value: bytes('s') }],
          inbox: [{ hash: hash('1'), stanza: {}, plain: bytes('p') }],
        },
        EPOCH,
      )
      await vault.wipe(instanceId, EPOCH)
      for (const table of ['credential', 'signal_key', 'inbox']) expect(await count(table)).toBe(0)
    })
  })
})
