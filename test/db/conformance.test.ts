import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiKey } from '../../src/db/entities/api-key.ts'
import { Chat } from '../../src/db/entities/chat.ts'
import { Credential } from '../../src/db/entities/credential.ts'
import { Event } from '../../src/db/entities/event.ts'
import { Inbox } from '../../src/db/entities/inbox.ts'
import { Instance } from '../../src/db/entities/instance.ts'
import { Message } from '../../src/db/entities/message.ts'
import { SignalKey } from '../../src/db/entities/signal-key.ts'
import { Tenant } from '../../src/db/entities/tenant.ts'
import type { Database } from '../../src/db/open.ts'
import { takeLease } from '../../src/db/queries/leases.ts'
import { isUniqueViolation, type Sql, sqlOf } from '../../src/db/sql.ts'
import { createVault } from '../../src/db/vault.ts'
import { newId } from '../../src/ids.ts'
import { createSecrets } from '../../src/secrets.ts'
import { ENGINES, type Opened } from './engines.ts'

/** Of the lease that each instance has. */
const EPOCH = 1

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
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

  describe('entities', () => {
    const instant = new Date('2026-02-03T04:05:06.789Z')

    it('each is written to its migrated table and read back the same, to the millisecond and the byte', async () => {
      const value = randomBytes(300)
      const chat = newId('chat')
      const rows = [
        [
          Tenant,
          {
            id: newId('ten'),
            name: 'B',
            email: `${newId('ten')}@example.com`,
            plan: 'free',
            status: 'active',
            createdAt: instant,
          },
        ],
        [
          ApiKey,
          {
            id: newId('key'),
            tenantId,
            name: 'k',
            prefix: 'wtk_1',
            hash: randomBytes(32),
            createdAt: instant,
            lastUsedAt: instant,
            revokedAt: null,
          },
        ],
        [
          Instance,
          {
            id: newId('inst'),
            tenantId,
            name: 'O\'Brien "?" \\ ünï',
            description: null,
            sandbox: false,
            autoReconnect: false,
            downloadMedia: true,
            emitRaw: true,
            wanted: true,
            linked: true,
            state: 'qr_required' as const,
            lastError: 'gone',
            stateAt: instant,
            phoneNumber: '+15550001',
            lid: '1@lid',
            qr: '2@x',
            qrExpiresAt: instant,
            createdAt: instant,
            updatedAt: instant,
          },
        ],
        [Credential, { instanceId, value }],
        [SignalKey, { instanceId, type: 'session', id: "1.0'", value }],
        [
          Inbox,
          {
            instanceId,
            hash: randomBytes(32),
            stanza: { id: "a'?" },
            plain: value,
            createdAt: instant,
            settledAt: null,
          },
        ],
        [
          Chat,
          {
            id: chat,
            tenantId,
            instanceId,
            groupJid: null,
            phone: '5511@s.whatsapp.net',
            lid: '9@lid',
            name: 'n',
            unreadCount: 3,
            archived: true,
            pinnedAt: instant,
            mutedUntil: null,
            lastMessageAt: instant,
            createdAt: instant,
          },
        ],
        [
          Message,
          {
            id: newId('msg'),
            tenantId,
            instanceId,
            whatsappId: '3EB0',
            chat,
            sender: 's',
            direction: 'outbound' as const,
            type: 'text',
            status: 'pending' as const,
            content: { text: "it's ? :a $1", list: [1, null] },
            reactions: [{ sender: 's', emoji: '👍', at: instant.toISOString() }],
            quotedMessageId: null,
            mentions: ['1@lid', 'a "b", c'],
            actionOf: null,
            mediaId: null,
            countedIn: instant,
            editedAt: instant,
            deletedAt: null,
            payload: value,
            errorCode: null,
            errorMessage: null,
            raw: { a: [1, 2] },
            timestamp: instant,
            createdAt: instant,
            attempts: 2,
            nextAttemptAt: instant,
            expiresAt: instant,
          },
        ],
        [
          Event,
          {
            id: newId('evt'),
            tenantId,
            instanceId,
            type: 'message.received',
            data: { a: { b: [] } },
            about: 'msg_1',
            seq: 7,
            createdAt: instant,
          },
        ],
      ] as const
      for (const [entity, row] of rows) {
        const em = database.orm.em.fork()
        em.create(entity as typeof Tenant, row as never)
        await em.flush()
        const key = Object.fromEntries(
          database.orm
            .getMetadata()
            .get(entity as typeof Tenant)
            .primaryKeys.map(name => [name, (row as Record<string, unknown>)[name]]),
        )
        const found = await database.orm.em
          .fork()
          .findOneOrFail(entity as typeof Tenant, key as never, { populate: ['*'] as never })
        expect({ ...found }, entity.name).toMatchObject(row)
      }
    })

    it('the defaults of a row are those of its table', async () => {
      const found = await database.orm.em.fork().findOneOrFail(Instance, { tenantId, id: instanceId })
      expect(found).toMatchObject({
        autoReconnect: true,
        wanted: false,
        state: 'disconnected',
        qr: null,
        description: null,
      })
      expect(found.createdAt).toBeInstanceOf(Date)
    })

    it('dates compare in queries as they were written', async () => {
      const em = database.orm.em.fork()
      const event = { tenantId, instanceId, type: 't', data: {}, about: 'x' }
      em.create(Event, { ...event, id: newId('evt'), seq: 1, createdAt: new Date('2026-01-01T00:00:00.001Z') })
      em.create(Event, { ...event, id: newId('evt'), seq: 2, createdAt: new Date('2026-01-01T00:00:00.002Z') })
      await em.flush()
      const later = await em
        .fork()
        .find(Event, { instanceId, createdAt: { $gt: new Date('2026-01-01T00:00:00.001Z') } })
      expect(later.map(found => found.createdAt.toISOString())).toEqual(['2026-01-01T00:00:00.002Z'])
    })

    it('a second row of the same unique name is told as such, by the ORM and by SQL', async () => {
      const em = database.orm.em.fork()
      em.create(Instance, { id: newId('inst'), tenantId, name: 'support', sandbox: true })
      const fromOrm = await em.flush().catch((error: unknown) => error)
      const insert = "insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'support', true)"
      const fromSql = await database.sql.query(insert, [newId('inst'), tenantId]).catch((error: unknown) => error)
      for (const error of [fromOrm, fromSql]) {
        expect(isUniqueViolation(error, 'instance_name')).toBe(true)
        expect(isUniqueViolation(error, 'tenant_email_key')).toBe(false)
      }
    })

    it('what is deleted takes along what belongs to it', async () => {
      await createVault({ sql: database.sql, secrets: createSecrets('k') }).commit(
        instanceId,
        {
          credentials: bytes('c'),
          keys: [{ type: 'session', id: '1', value: bytes('s') }],
          inbox: [{ hash: hash('1'), stanza: {}, plain: bytes('p') }],
        },
        EPOCH,
      )
      await database.orm.em.fork().nativeDelete(Instance, { tenantId, id: instanceId })
      for (const table of ['credential', 'signal_key', 'inbox']) expect(await count(table)).toBe(0)
    })
  })

  describe('Sql', () => {
    const probe = (sql: Sql): Promise<object[]> =>
      sql.query(
        'select $1::text as a, $2::bytea as b, $3::timestamptz as c, $4::text[] as d, $5::jsonb as e, null as f, $6::int as g',
        ["x'?", Buffer.from([0, 255]), new Date(1), ['p', 'q"'], JSON.stringify([1]), 7],
        'probe',
      )
    const expected = [{ a: "x'?", b: Buffer.from([0, 255]), c: new Date(1), d: ['p', 'q"'], e: [1], f: null, g: 7 }]

    it('answers the same over the pool, in a transaction and in one of MikroORM', async () => {
      const em = database.orm.em.fork()
      expect(await probe(database.sql)).toEqual(expected)
      expect(await database.transaction(probe)).toEqual(expected)
      expect(await em.transactional(inner => probe(sqlOf(inner)))).toEqual(expected)
      expect(await probe(sqlOf(em))).toEqual(expected)
    })

    it('a transaction that throws leaves nothing behind, and the next one works', async () => {
      const rename = 'update instance set name = $2 where id = $1'
      const failing = database.transaction(async sql => {
        await sql.query(rename, [instanceId, 'other'])
        throw new Error('changed my mind')
      })
      await expect(failing).rejects.toThrow('changed my mind')
      const wrong = database.transaction(async sql => {
        await sql.query(rename, [instanceId, 'other'])
        await sql.query('select 1/0')
      })
      await expect(wrong).rejects.toThrow('division by zero')
      const inner = database.orm.em.fork().transactional(async em => {
        await sqlOf(em).query(rename, [instanceId, 'other'])
        throw new Error('changed my mind')
      })
      await expect(inner).rejects.toThrow('changed my mind')
      const names = await database.sql.query('select name from instance where id = $1', [instanceId])
      expect(names).toEqual([{ name: 'support' }])
      await database.transaction(sql => sql.query(rename, [instanceId, 'another']))
      expect(await database.sql.query('select name from instance where id = $1', [instanceId])).toEqual([
        { name: 'another' },
      ])
    })
  })
})
