import type { App } from '../../context.ts'
import { type Account, changeTenant } from '../../db/queries/tenants.ts'
import { notFound } from '../../errors.ts'
import { recordAudit } from './audit.ts'
import { type TenantName, tenantNamed } from './tenant-named.ts'

/** The operator's word on one tenant, by id or by address. Suspended: every call with its credentials is refused. */
export async function setTenantStatus(
  app: Pick<App, 'db' | 'clock'>,
  by: TenantName,
  status: 'active' | 'suspended',
): Promise<Account> {
  return app.db.transaction(async sql => {
    const account = await changeTenant(sql, tenantNamed(by), { status })
    if (!account) throw notFound('tenant')
    const action = status === 'active' ? 'tenant.activated' : 'tenant.suspended'
    await recordAudit(sql, app, { action, tenantId: account.id, target: account.id })
    return account
  })
}
