import { parseArgs } from 'node:util'
import { systemClock } from './clock.ts'
import { ConfigError, readConfig } from './config.ts'
import { openDatabase } from './db/open.ts'
import { DatabaseStartError } from './db/start-error.ts'
import { ApiError } from './errors.ts'
import { createTenant } from './resolvers/auth/createTenant.ts'
import { createLog } from './telemetry/log.ts'

/** The operator's door. Data goes to stdout, talk to stderr. */
const USAGE = `usage: wataki tenant create --name NAME --email ADDRESS

  tenant create   makes an active tenant and prints {"tenant_id","api_key"} as one JSON line;
                  works while the server runs and while it does not`

async function main(words: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: words,
    allowPositionals: true,
    options: { name: { type: 'string' }, email: { type: 'string' }, help: { type: 'boolean' } },
  })
  if (positionals.join(' ') !== 'tenant create' || values.help) throw new UsageError(USAGE)
  if (!values.name || !values.email) throw new UsageError('tenant create needs --name and --email')
  const config = readConfig()
  const log = createLog({ level: 'silent', json: true })
  const db = await openDatabase({ ...config, log, join: true })
  try {
    const created = await createTenant({ db, clock: systemClock }, { name: values.name, email: values.email })
    console.log(JSON.stringify({ tenant_id: created.tenantId, api_key: created.apiKey }))
  } finally {
    await db.close()
  }
}

class UsageError extends Error {}

const isKnown = (error: unknown): error is Error =>
  error instanceof UsageError ||
  error instanceof ConfigError ||
  error instanceof DatabaseStartError ||
  error instanceof ApiError ||
  (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(isKnown(error) ? `wataki: ${error.message}` : error)
    process.exit(1)
  },
)
