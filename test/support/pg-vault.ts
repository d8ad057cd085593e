import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openDatabase } from '../../src/db/open.ts'
import { createVault } from '../../src/db/vault.ts'
import { createSecrets } from '../../src/secrets.ts'
import type { Vault, VaultBatch } from '../../src/whatsapp/whatsapp.ts'
import { testDatabase } from './database.ts'

/** The vault of the product on PostgreSQL, with the same places to break it as the one in memory. */
export interface PostgresVault extends Vault {
  readonly sent: Map<string, Uint8Array>
  commits: number
  dead: boolean
  beforeCommit: ((instanceId: string, batch: VaultBatch) => void | Promise<void>) | null
  afterCommit: ((instanceId: string, batch: VaultBatch) => void) | null
  close(): Promise<void>
}

/** `instanceIds` get their rows, with a lease of the epoch 1; every call takes `latencyMs` (least, most) longer than the database itself. */
export async function postgresVault(
  latencyMs: [number, number] = [0, 0],
  instanceIds: string[] = ['a', 'b', 'c'],
): Promise<PostgresVault> {
  const database = await testDatabase()
  const db = await openDatabase({ databaseUrl: database.url, dataDir: '', log: pino({ level: 'silent' }) })
  await db.sql.query(`insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com')`)
  await db.sql.query(
    `insert into instance (id, tenant_id, name, sandbox) select id, 'ten', id, true from unnest($1::text[]) as id`,
    [instanceIds],
  )
  await db.sql.query(
    `insert into instance_lease (instance_id, owner, epoch, expires_at) select id, 'test', 1, now() from instance`,
  )
  const [least, most] = latencyMs
  const trip = () => (most > 0 ? sleep(least + Math.random() * (most - least)) : Promise.resolve())
  const real = createVault({ sql: db.sql, secrets: createSecrets('a key of the tests, which is long enough') })
  const slow = Object.fromEntries(
    Object.entries(real).map(([name, call]) => [
      name,
      async (...args: unknown[]) => {
        await trip()
        return (call as (...args: unknown[]) => unknown)(...args)
      },
    ]),
  ) as unknown as Vault
  const vault: PostgresVault = {
    ...slow,
    sent: new Map(),
    commits: 0,
    dead: false,
    beforeCommit: null,
    afterCommit: null,
    async commit(instanceId, batch, epoch) {
      await vault.beforeCommit?.(instanceId, batch)
      if (vault.dead) throw new Error('the vault is gone')
      await slow.commit(instanceId, batch, epoch)
      vault.commits++
      vault.afterCommit?.(instanceId, batch)
    },
    sentPayload: async (instanceId, whatsappId) =>
      vault.sent.get(whatsappId) ?? slow.sentPayload(instanceId, whatsappId),
    async close() {
      await db.close()
      await database.drop()
    },
  }
  return vault
}
