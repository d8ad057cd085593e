import { type Config, readConfig } from '../config.ts'
import type { App } from '../context.ts'
import { openDatabase } from '../db/open.ts'
import { createLog } from '../telemetry/log.ts'

/** What an operator's command works with: the server's own data, whether the server runs or not. */
export type Operator = Pick<App, 'db' | 'clock' | 'config'>

/** Quiet: a command says what it has to say itself. */
export const silentLog = () => createLog({ level: 'silent', json: true })

export async function operating<T>(work: (app: Operator) => Promise<T>, config: Config = readConfig()): Promise<T> {
  const db = await openDatabase({ ...config, log: silentLog(), join: true })
  try {
    return await work({ db, clock: db.clock, config })
  } finally {
    await db.close()
  }
}
