import type { Sql } from '../sql.ts'

export interface Account {
  id: string
  name: string
  email: string
  plan: string
  status: string
}

const ACCOUNT = 'id, name, email, plan, status'

export async function findAccount(sql: Sql, by: { email: string } | { id: string }): Promise<Account | null> {
  const [row] =
    'email' in by
      ? await sql.query<Account>(`select ${ACCOUNT} from tenant where email = $1`, [by.email], 'find-account-by-email')
      : await sql.query<Account>(`select ${ACCOUNT} from tenant where id = $1`, [by.id], 'find-account-by-id')
  return row ?? null
}

/** Null when the address has an account by now. */
export async function insertAccount(
  sql: Sql,
  account: { id: string; name: string; email: string; now: Date },
): Promise<Account | null> {
  const [row] = await sql.query<Account>(
    `insert into tenant (id, name, email, created_at) values ($1, $2, $3, $4)
     on conflict (email) do nothing returning ${ACCOUNT}`,
    [account.id, account.name, account.email, account.now],
    'insert-account',
  )
  return row ?? null
}

/** The tenant as it is then; what is left out stays. */
export async function changeTenant(
  sql: Sql,
  by: { id: string | null; email: string | null },
  change: { status?: 'active' | 'suspended'; plan?: string },
): Promise<Account | null> {
  const [row] = await sql.query<Account>(
    `update tenant set status = coalesce($3, status), plan = coalesce($4, plan)
     where ($1::text is null or id = $1) and ($2::text is null or email = $2)
       and coalesce($1, $2) is not null returning ${ACCOUNT}`,
    [by.id, by.email, change.status ?? null, change.plan ?? null],
  )
  return row ?? null
}

/** What Stripe's state says of them. Null as the anchor: months are counted from the sign-up. */
export async function setTerms(
  sql: Sql,
  of: { tenantId: string; plan: string | null; anchor: Date | null },
): Promise<void> {
  await sql.query(
    'update tenant set plan = coalesce($2, plan), cycle_anchor = $3 where id = $1',
    [of.tenantId, of.plan, of.anchor],
    'set-terms',
  )
}
