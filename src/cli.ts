import { parseArgs } from 'node:util'
import { systemClock } from './clock.ts'
import { ConfigError, readConfig } from './config.ts'
import type { App } from './context.ts'
import { openDatabase } from './db/open.ts'
import { DatabaseStartError } from './db/start-error.ts'
import { ApiError } from './errors.ts'
import { createSignInLink } from './resolvers/auth/createSignInLink.ts'
import { createTenant } from './resolvers/auth/createTenant.ts'
import { setTenantStatus } from './resolvers/auth/setTenantStatus.ts'
import { setTenantPlan } from './resolvers/billing/setTenantPlan.ts'
import { reseal } from './resolvers/reseal.ts'
import { createLog } from './telemetry/log.ts'

/** The operator's door. Data goes to stdout, talk to stderr. */
const USAGE = `usage: wataki tenant create --name NAME --email ADDRESS
       wataki tenant suspend (--id ID | --email ADDRESS)
       wataki tenant activate (--id ID | --email ADDRESS)
       wataki tenant plan (--id ID | --email ADDRESS) --plan PLAN
       wataki tenant sign-in-link --email ADDRESS
       wataki secrets reseal

  tenant create        makes an active tenant and prints {"tenant_id","api_key"} as one JSON line
  tenant suspend       every call of the tenant is refused from now on; prints {"tenant_id","status"}
  tenant activate      takes that back
  tenant plan          free, growth or scale: how many messages a cycle includes; prints {"tenant_id","plan"}
  tenant sign-in-link  prints a link to the dashboard that works once, for 15 minutes: the way in without mail
  secrets reseal       brings what is encrypted with SECRET_KEY_PREVIOUS under SECRET_KEY; prints {"resealed","unopened"}
                       with the number of rows of each table

All work while the server runs and while it does not.`

type Values = Partial<Record<'name' | 'email' | 'id' | 'plan', string>>
type Operator = Pick<App, 'db' | 'clock' | 'config'>

interface Command {
  /** What is missing, as a sentence; null when nothing is. */
  lacks: (values: Values) => string | null
  /** What goes to stdout. */
  run: (app: Operator, values: Values) => Promise<string>
}

const one = ({ id, email }: Values) => (Boolean(id) === Boolean(email) ? 'needs either --id or --email' : null)

const status = (to: 'active' | 'suspended'): Command => ({
  lacks: one,
  run: async (app, values) => {
    const tenant = await setTenantStatus(app, values, to)
    return JSON.stringify({ tenant_id: tenant.id, status: tenant.status })
  },
})

const COMMANDS: Record<string, Command> = {
  'tenant create': {
    lacks: ({ name, email }) => (name && email ? null : 'needs --name and --email'),
    run: async (app, { name, email }) => {
      const created = await createTenant(app, { name: name!, email: email! })
      return JSON.stringify({ tenant_id: created.tenantId, api_key: created.apiKey })
    },
  },
  'tenant suspend': status('suspended'),
  'tenant activate': status('active'),
  'tenant plan': {
    lacks: values => one(values) ?? (values.plan ? null : 'needs --plan'),
    run: async (app, { plan, ...by }) => {
      const tenant = await setTenantPlan(app, by, plan!)
      return JSON.stringify({ tenant_id: tenant.id, plan: tenant.plan })
    },
  },
  'tenant sign-in-link': {
    lacks: ({ email }) => (email ? null : 'needs --email'),
    run: (app, { email }) => createSignInLink(app, { email: email! }),
  },
  'secrets reseal': {
    lacks: () => null,
    run: async app => JSON.stringify(await reseal(app)),
  },
}

async function main(words: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      email: { type: 'string' },
      id: { type: 'string' },
      plan: { type: 'string' },
      help: { type: 'boolean' },
    },
  })
  const name = positionals.join(' ')
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : null
  if (!command || values.help) throw new UsageError(USAGE)
  const lacks = command.lacks(values)
  if (lacks) throw new UsageError(`${name} ${lacks}`)
  const config = readConfig()
  const log = createLog({ level: 'silent', json: true })
  const db = await openDatabase({ ...config, log, join: true })
  try {
    console.log(await command.run({ db, clock: systemClock, config }, values))
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
