import type { Sql } from '../sql.ts'

/** What we know of a tenant at Stripe. */

export interface Billing {
  tenantId: string
  /** Rises with whatever may have changed at Stripe. */
  heard: number
  /** How much of that has been read. */
  settled: number
  customerNo: number
  /** The account at Stripe and the mode in which the customer was made, such as `acct_1 live`. Null: not known. */
  owner: string | null
  customerId: string | null
  checkoutNo: number
  /** Null: no checkout is wanted, and then the three below are null, too. */
  checkoutPlan: string | null
  checkoutBegunAt: Date | null
  /** Null: whether Stripe has made it is not known yet. */
  checkoutId: string | null
  checkoutUrl: string | null
  subscriptionId: string | null
  /** What Stripe's state gave last. Null: nothing ever. */
  plan: string | null
  status: string | null
  periodEnd: Date | null
  endsAt: Date | null
  graceEndsAt: Date | null
}

const BILLING = `tenant_id as "tenantId", heard, settled, customer_no as "customerNo", account_id as "owner",
  customer_id as "customerId",
  checkout_no as "checkoutNo", checkout_plan as "checkoutPlan", checkout_begun_at as "checkoutBegunAt",
  checkout_id as "checkoutId", checkout_url as "checkoutUrl", subscription_id as "subscriptionId", plan, status,
  period_end as "periodEnd", ends_at as "endsAt", grace_ends_at as "graceEndsAt"`

export async function findBilling(sql: Sql, tenantId: string): Promise<Billing | null> {
  const [row] = await sql.query<Billing>(
    `select ${BILLING} from billing where tenant_id = $1`,
    [tenantId],
    'find-billing',
  )
  return row ?? null
}

export async function lockBilling(sql: Sql, tenantId: string): Promise<Billing | null> {
  const [row] = await sql.query<Billing>(
    `select ${BILLING} from billing where tenant_id = $1 for update`,
    [tenantId],
    'lock-billing',
  )
  return row ?? null
}

/** Something may have changed at Stripe, or will: who hears it sees to it, and if they die another one, from `checkAt` on. */
export async function hearBilling(sql: Sql, of: { tenantId: string; checkAt: Date }): Promise<number> {
  const [row] = await sql.query<{ heard: number }>(
    `insert into billing as kept (tenant_id, heard, check_at) values ($1, 1, $2)
     on conflict (tenant_id) do update set heard = kept.heard + 1, check_at = least(kept.check_at, $2)
     returning heard`,
    [of.tenantId, of.checkAt],
    'hear-billing',
  )
  return row!.heard
}

/** The same, by Stripe's name. Null: nobody's. */
export async function hearCustomer(
  sql: Sql,
  of: { customerId: string; checkAt: Date },
): Promise<{ tenantId: string; heard: number } | null> {
  const [row] = await sql.query<{ tenantId: string; heard: number }>(
    `update billing set heard = heard + 1, check_at = least(check_at, $2) where customer_id = $1
     returning tenant_id as "tenantId", heard`,
    [of.customerId, of.checkAt],
    'hear-customer',
  )
  return row ?? null
}

/** Whose turn it is to be looked at, each by one node: it is the next one's again at `checkAt`. */
export async function claimBillings(
  sql: Sql,
  of: { now: Date; checkAt: Date; limit: number },
): Promise<{ tenantId: string }[]> {
  return sql.query<{ tenantId: string }>(
    `with due as (
       select tenant_id from billing where check_at <= $1 order by check_at limit $3 for update skip locked)
     update billing set check_at = $2, heard = heard + 1 from due where billing.tenant_id = due.tenant_id
     returning billing.tenant_id as "tenantId"`,
    [of.now, of.checkAt, of.limit],
    'claim-billings',
  )
}

/** Only while none is kept under this number. */
export async function keepCustomer(
  sql: Sql,
  of: { tenantId: string; customerNo: number; customerId: string; owner: string | null },
): Promise<void> {
  await sql.query(
    `update billing set customer_id = $3, account_id = $4 where tenant_id = $1 and customer_no = $2 and customer_id is null`,
    [of.tenantId, of.customerNo, of.customerId, of.owner],
    'keep-customer',
  )
}

/** Its number's key is spent. Whoever has made one under it keeps theirs, or begins anew. */
export async function skipCustomer(sql: Sql, of: { tenantId: string; customerNo: number }): Promise<void> {
  await sql.query(
    `update billing set customer_no = customer_no + 1
     where tenant_id = $1 and customer_no = $2 and customer_id is null`,
    [of.tenantId, of.customerNo],
    'skip-customer',
  )
}

export async function keepOwner(sql: Sql, of: { tenantId: string; customerId: string; owner: string }): Promise<void> {
  await sql.query(
    'update billing set account_id = $3 where tenant_id = $1 and customer_id = $2',
    [of.tenantId, of.customerId, of.owner],
    'keep-owner',
  )
}

/** Stripe has it no more: the next has another number, and so has what it buys. */
export async function forgetCustomer(sql: Sql, of: { tenantId: string; customerId: string }): Promise<void> {
  await sql.query(
    `update billing set customer_id = null, customer_no = customer_no + 1, heard = heard + 1,
       checkout_plan = null, checkout_begun_at = null, checkout_id = null, checkout_url = null
     where tenant_id = $1 and customer_id = $2`,
    [of.tenantId, of.customerId],
    'forget-customer',
  )
}

/** Begins a checkout under the next number, unless one is under way. */
export async function beginCheckout(
  sql: Sql,
  of: { tenantId: string; plan: string; now: Date; checkAt: Date },
): Promise<void> {
  await sql.query(
    `update billing set checkout_no = checkout_no + 1, checkout_plan = $2, checkout_begun_at = $3,
       check_at = least(check_at, $4) where tenant_id = $1 and checkout_plan is null`,
    [of.tenantId, of.plan, of.now, of.checkAt],
    'begin-checkout',
  )
}

/** False: it is not the one under way any more. */
export async function keepCheckout(
  sql: Sql,
  of: { tenantId: string; checkoutNo: number; id: string; url: string | null },
): Promise<boolean> {
  const kept = await sql.query(
    `update billing set checkout_id = $3, checkout_url = $4
     where tenant_id = $1 and checkout_no = $2 and checkout_plan is not null returning 1`,
    [of.tenantId, of.checkoutNo, of.id, of.url],
    'keep-checkout',
  )
  return kept.length > 0
}

export async function endCheckout(sql: Sql, of: { tenantId: string; checkoutNo: number }): Promise<void> {
  await sql.query(
    `update billing set checkout_plan = null, checkout_begun_at = null, checkout_id = null, checkout_url = null
     where tenant_id = $1 and checkout_no = $2`,
    [of.tenantId, of.checkoutNo],
    'end-checkout',
  )
}

/** Its number's key is spent. One that somebody has made and kept meanwhile may be paid, and stays. */
export async function dropCheckout(sql: Sql, of: { tenantId: string; checkoutNo: number }): Promise<void> {
  await sql.query(
    `update billing set checkout_plan = null, checkout_begun_at = null
     where tenant_id = $1 and checkout_no = $2 and checkout_id is null`,
    [of.tenantId, of.checkoutNo],
    'drop-checkout',
  )
}

export type Settled = Pick<
  Billing,
  'tenantId' | 'subscriptionId' | 'plan' | 'status' | 'periodEnd' | 'endsAt' | 'graceEndsAt'
> & { heard: number; checkAt: Date }

export async function settleBilling(sql: Sql, of: Settled): Promise<void> {
  await sql.query(
    `update billing set settled = $2, check_at = $3, subscription_id = $4, plan = coalesce($5, plan), status = $6,
       period_end = $7, ends_at = $8, grace_ends_at = $9 where tenant_id = $1`,
    [of.tenantId, of.heard, of.checkAt, of.subscriptionId, of.plan, of.status, of.periodEnd, of.endsAt, of.graceEndsAt],
    'settle-billing',
  )
}

/** Those that were not known before. */
export async function insertDuplicates(
  sql: Sql,
  of: { tenantId: string; ids: string[]; now: Date },
): Promise<{ id: string }[]> {
  return sql.query<{ id: string }>(
    `insert into duplicate_subscription (id, tenant_id, found_at) select id, $1, $3 from unnest($2::text[]) as id
     on conflict (id) do nothing returning id`,
    [of.tenantId, of.ids, of.now],
    'insert-duplicates',
  )
}

/** Found, and not known to be ended. */
export async function openDuplicates(sql: Sql, tenantId: string): Promise<{ id: string }[]> {
  return sql.query<{ id: string }>(
    'select id from duplicate_subscription where tenant_id = $1 and ended_at is null order by id',
    [tenantId],
    'open-duplicates',
  )
}

/** What it was bought beside is gone: it counts now. */
export async function forgetDuplicate(sql: Sql, of: { tenantId: string; id: string }): Promise<void> {
  await sql.query(
    'delete from duplicate_subscription where tenant_id = $1 and id = $2 and ended_at is null',
    [of.tenantId, of.id],
    'forget-duplicate',
  )
}

export async function endDuplicate(
  sql: Sql,
  of: { tenantId: string; id: string; refunded: boolean; now: Date },
): Promise<void> {
  await sql.query(
    `update duplicate_subscription set ended_at = $3, refunded = $4
     where tenant_id = $1 and id = $2 and ended_at is null`,
    [of.tenantId, of.id, of.now, of.refunded],
    'end-duplicate',
  )
}
