import { Trouble, Usage } from '../cli/trouble.ts'
import { createSignInLink as signInLink } from '../resolvers/auth/createSignInLink.ts'
import { createTenant as create } from '../resolvers/auth/createTenant.ts'
import { setTenantStatus } from '../resolvers/auth/setTenantStatus.ts'
import { setTenantPlan } from '../resolvers/billing/setTenantPlan.ts'
import { operating } from './operate.ts'

/** `tenant …`: each prints one JSON line, as scripts expect, the link alone is bare. */

export interface Named {
  id?: string
  email?: string
  json?: boolean
}

const print = (value: object) => console.log(JSON.stringify(value))

function one(command: string, { id, email }: Named): { id?: string; email?: string } {
  if (Boolean(id) === Boolean(email)) throw new Usage(`${command} needs either --id or --email`)
  return { id, email }
}

export async function createTenant({ name, email }: { name?: string; email?: string }): Promise<void> {
  if (!name || !email) throw new Usage('tenant create needs --name and --email')
  const created = await operating(app => create(app, { name, email })).catch(error => {
    if (error.code !== 'duplicate') throw error
    const how = `make a key in the dashboard, under Settings (wataki tenant sign-in-link --email ${email} lets its owner in)`
    throw new Trouble(`${error.message}: ${how}`, { code: 'duplicate' })
  })
  print({ tenant_id: created.tenantId, api_key: created.apiKey })
}

export async function setStatus(options: Named, status: 'active' | 'suspended'): Promise<void> {
  const by = one(`tenant ${status === 'active' ? 'activate' : 'suspend'}`, options)
  const tenant = await operating(app => setTenantStatus(app, by, status))
  print({ tenant_id: tenant.id, status: tenant.status })
}

export async function setPlan({ plan, ...options }: Named & { plan?: string }): Promise<void> {
  const by = one('tenant plan', options)
  if (!plan) throw new Usage('tenant plan needs --plan')
  const tenant = await operating(app => setTenantPlan(app, by, plan))
  print({ tenant_id: tenant.id, plan: tenant.plan })
}

export async function createSignInLink({ email, json }: Named): Promise<void> {
  if (!email) throw new Usage('tenant sign-in-link needs --email')
  const link = await operating(app => signInLink(app, { email }))
  if (json) print({ sign_in_link: link })
  else console.log(link)
}
