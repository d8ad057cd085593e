/**
 * What the fence costs each commit of a session: the vault as it is, and with `held` as a row that is always there.
 * On the embedded database, in turns: `node bench/fence.ts`.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openDatabase } from '../src/db/open.ts'
import { takeLease } from '../src/db/queries/leases.ts'
import type { Sql } from '../src/db/sql.ts'
import { createVault } from '../src/db/vault.ts'
import { createSecrets } from '../src/secrets.ts'
import { median } from './support/measure.ts'

const ROUNDS = 7
const ROUND_MS = 2000
const INSTANCES = 32
const EPOCH = 1

const dataDir = mkdtempSync(join(tmpdir(), 'wataki-fence-'))
chmodSync(dataDir, 0o755)
const database = await openDatabase({ dataDir, log: pino({ level: 'silent' }) })
const { sql } = database
await sql.query(`insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com')`)
const instances = Array.from({ length: INSTANCES }, (_, n) => `inst_${n}`)
for (const instanceId of instances) {
  await sql.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, 'ten', $1, true)`, [instanceId])
  await takeLease(sql, { instanceId, owner: 'bench' })
}

/** The same text, but for the lock. */
const unfenced: Sql = {
  query: (text, params, name) =>
    sql.query(
      text.replace(/held as \(.*? for share\)/, 'held as (select where $11::bigint > 0)'),
      params,
      `${name}_unfenced`,
    ),
}
const secrets = createSecrets('a key of the bench')
const vaults = { fenced: createVault({ sql, secrets }), unfenced: createVault({ sql: unfenced, secrets }) }
type Kind = keyof typeof vaults

const value = Buffer.alloc(1800, 7)
let made = 0

async function commit(kind: Kind, instanceId: string): Promise<void> {
  const hash = Buffer.alloc(32)
  hash.writeUInt32BE(++made)
  const keys = [{ type: 'session', id: '5511999990000.0', value }]
  await vaults[kind].commit(
    instanceId,
    { keys, inbox: [{ hash, stanza: { id: 'x' }, plain: value.subarray(0, 200) }] },
    EPOCH,
  )
}

interface Outcome {
  perSecond: number
  p50: number
  p99: number
  walBytes: number
}

async function round(kind: Kind, atOnce: number): Promise<Outcome> {
  const position = async () => {
    const [row] = await sql.query<{ bytes: string }>(`select pg_current_wal_lsn() - '0/0'::pg_lsn as bytes`)
    return Number(row!.bytes)
  }
  const before = await position()
  const tookMs: number[] = []
  const startMs = performance.now()
  const worker = async (instanceId: string) => {
    while (performance.now() < startMs + ROUND_MS) {
      const beganMs = performance.now()
      await commit(kind, instanceId)
      tookMs.push(performance.now() - beganMs)
    }
  }
  await Promise.all(instances.slice(0, atOnce).map(worker))
  const seconds = (performance.now() - startMs) / 1000
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => tookMs[Math.floor(tookMs.length * share)]!
  const walBytes = ((await position()) - before) / tookMs.length
  return { perSecond: tookMs.length / seconds, p50: at(0.5), p99: at(0.99), walBytes }
}

for (const atOnce of [1, INSTANCES]) {
  const outcomes: Record<Kind, Outcome[]> = { fenced: [], unfenced: [] }
  for (const kind of ['fenced', 'unfenced'] as const) await round(kind, atOnce)
  for (let i = 0; i < ROUNDS; i++) {
    for (const kind of i % 2 ? (['fenced', 'unfenced'] as const) : (['unfenced', 'fenced'] as const)) {
      outcomes[kind].push(await round(kind, atOnce))
    }
  }
  for (const kind of ['unfenced', 'fenced'] as const) {
    const of = (name: keyof Outcome) => median(outcomes[kind].map(outcome => outcome[name]))
    console.log(
      `${atOnce} instances, ${kind}: ${of('perSecond').toFixed(0)} commits/s, p50 ${of('p50').toFixed(2)} ms, p99 ${of('p99').toFixed(2)} ms, ${of('walBytes').toFixed(0)} bytes of WAL each`,
    )
  }
}
await database.close()
rmSync(dataDir, { recursive: true, force: true })
