import type { App } from '../../context.ts'
import { type Account, changeTenant } from '../../db/queries/tenants.ts'
import { invalid, notFound } from '../../errors.ts'
import { recordAudit } from '../auth/audit.ts'
import { type TenantName, tenantNamed } from '../auth/tenant-named.ts'
import { findPlan, PLANS } from './plans.ts'

/** The operator's word on the plan of one tenant. It holds for the present cycle: what was counted stays counted. */
export async function setTenantPlan(app: Pick<App, 'db' | 'clock'>, by: TenantName, plan: string): Promise<Account> {
  if (!findPlan(plan)) throw invalid({ plan: `must be one of ${PLANS.map(({ id }) => id).join(', ')}` })
  return app.db.transaction(async sql => {
    const account = await changeTenant(sql, tenantNamed(by), { plan })
    if (!account) throw notFound('tenant')
    await recordAudit(sql, app, { action: 'tenant.plan_set', tenantId: account.id, target: account.id })
    return account
  })
}
