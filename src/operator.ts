import { parseArgs } from 'node:util'
import { Trouble } from './cli/trouble.ts'
import { readConfig } from './config.ts'
import type { App } from './context.ts'
import { openDatabase } from './db/open.ts'
import { createSignInLink } from './resolvers/auth/createSignInLink.ts'
import { createTenant } from './resolvers/auth/createTenant.ts'
import { setTenantStatus } from './resolvers/auth/setTenantStatus.ts'
import { setTenantPlan } from './resolvers/billing/setTenantPlan.ts'
import { nodes } from './resolvers/nodes/nodes.ts'
import { setNodeDraining } from './resolvers/nodes/setNodeDraining.ts'
import { reseal } from './resolvers/reseal.ts'
import { createLog } from './telemetry/log.ts'

/** The operator's door: beside the server's own data, whether the server runs or not. */

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

const draining = (is: boolean): Command => ({
  lacks: ({ id }) => (id ? null : 'needs --id'),
  run: async (app, { id }) => {
    const state = await setNodeDraining(app, { id: id!, draining: is })
    return JSON.stringify({ node_id: id, state })
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
  nodes: {
    lacks: () => null,
    run: async app => {
      const { data } = await nodes({ ...app, operator: true, caller: null })
      return JSON.stringify({
        data: data.map(({ startedAt, beatAt, lagMs, state, instances, ...node }) => ({
          ...node,
          started_at: startedAt,
          beat_at: beatAt,
          lag_ms: lagMs,
          state,
          instances,
        })),
      })
    },
  },
  'nodes drain': draining(true),
  'nodes undrain': draining(false),
  'secrets reseal': {
    lacks: () => null,
    run: async app => JSON.stringify(await reseal(app)),
  },
}

/** What goes to stdout. */
export async function operate(words: string[], usage: string): Promise<string> {
  const { positionals, values } = parseArgs({
    args: words,
    allowPositionals: true,
    options: {
      name: { type: 'string' },
      email: { type: 'string' },
      id: { type: 'string' },
      plan: { type: 'string' },
    },
  })
  const name = positionals.join(' ')
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name]! : null
  if (!command) throw new Trouble(usage)
  const lacks = command.lacks(values)
  if (lacks) throw new Trouble(`${name} ${lacks}`)
  const config = readConfig()
  const log = createLog({ level: 'silent', json: true })
  const db = await openDatabase({ ...config, log, join: true })
  try {
    return await command.run({ db, clock: db.clock, config }, values)
  } finally {
    await db.close()
  }
}
