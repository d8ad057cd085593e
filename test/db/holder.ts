/** A process of its own that opens the database in a folder and then holds it, blocks, or writes until killed. */
import { writeSync } from 'node:fs'
import { openDatabase } from '../../src/db/open.ts'

const [dataDir, mode] = process.argv.slice(2) as [string, 'hold' | 'block' | 'write' | 'busy' | 'join-and-stall']
const startedMs = performance.now()
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`)
const warnings: string[] = []
const log = { debug() {}, info() {}, warn: (_: object, message: string) => void warnings.push(message) }

try {
  const database = await openDatabase({ dataDir, log, join: mode === 'join-and-stall' })
  say({ ready: database.describe, tookMs: performance.now() - startedMs, warnings })
  if (mode === 'block') Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
  if (mode === 'busy') void database.sql.query('select count(*) from generate_series(1, 30000000)').catch(() => {})
  for (let n = 0; mode === 'write' && n < 100_000; n++) {
    const email = `${process.pid}-${n}@example.com`
    await database.sql.query('insert into tenant (id, name, email) values ($1, $2, $1)', [email, 'Acme'], 'write')
    say({ acked: email })
  }
  if (mode === 'join-and-stall') {
    await database.transaction(async sql => {
      await sql.query("insert into tenant (id, name, email) values ('stalled', 'Acme', 'stalled@example.com')")
      say({ acked: 'stalled' })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
    })
  }
  process.once('SIGTERM', () => void database.close().then(() => process.exit(0)))
  setTimeout(() => process.exit(9), 60_000)
} catch (error) {
  say({ refused: (error as Error).message, name: (error as Error).name, tookMs: performance.now() - startedMs })
  process.exit(1)
}
