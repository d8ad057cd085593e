import type { Sql } from '../sql.ts'

/** The statements of the webhook table, but for those of who delivers. */

export interface WebhookRow {
  id: string
  url: string
  events: string[]
  active: boolean
  disabledReason: string | null
  disabledAt: Date | null
  createdAt: Date
  updatedAt: Date
}

const COLUMNS = `id, url, events, active, disabled_reason as "disabledReason", disabled_at as "disabledAt",
  created_at as "createdAt", updated_at as "updatedAt"`

export interface Owner {
  tenantId: string
  instanceId: string
}

/** Those of the instance that are not deleted; null when there is no such instance. No two calls count the same. */
export async function countWebhooksLocked(sql: Sql, { tenantId, instanceId }: Owner): Promise<number | null> {
  const locked = await sql.query(
    'select 1 as one from instance where tenant_id = $1 and id = $2 for no key update',
    [tenantId, instanceId],
    'lock-instance-for-webhooks',
  )
  if (locked.length === 0) return null
  const [row] = await sql.query<{ count: number }>(
    'select count(*)::int as count from webhook where tenant_id = $1 and instance_id = $2 and deleted_at is null',
    [tenantId, instanceId],
    'count-webhooks',
  )
  return row!.count
}

export async function insertWebhook(
  sql: Sql,
  hook: Owner & { id: string; url: string; events: string[]; active: boolean; secret: Uint8Array; now: Date },
): Promise<WebhookRow> {
  const [row] = await sql.query<WebhookRow>(
    `insert into webhook (id, tenant_id, instance_id, url, events, active, secret, created_at, updated_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $8) returning ${COLUMNS}`,
    [hook.id, hook.tenantId, hook.instanceId, hook.url, hook.events, hook.active, hook.secret, hook.now],
    'insert-webhook',
  )
  return row!
}

export async function findWebhook(sql: Sql, of: Owner & { webhookId: string }): Promise<WebhookRow | null> {
  const [row] = await sql.query<WebhookRow>(
    `select ${COLUMNS} from webhook where tenant_id = $1 and instance_id = $2 and id = $3 and deleted_at is null`,
    [of.tenantId, of.instanceId, of.webhookId],
    'find-webhook',
  )
  return row ?? null
}

/** Newest first. */
export function listWebhooks(
  sql: Sql,
  of: { tenantId: string; instanceIds: string[] },
): Promise<(WebhookRow & { instanceId: string })[]> {
  return sql.query(
    `select ${COLUMNS}, instance_id as "instanceId" from webhook
     where tenant_id = $1 and instance_id = any($2) and deleted_at is null order by id desc`,
    [of.tenantId, of.instanceIds],
    'list-webhooks',
  )
}

export interface WebhookChange extends Owner {
  webhookId: string
  /** Null: as it was. */
  url: string | null
  events: string[] | null
  active: boolean | null
  now: Date
}

/** What is activated, or points elsewhere, begins anew. Null: there is none. */
export async function changeWebhook(sql: Sql, change: WebhookChange): Promise<WebhookRow | null> {
  const [row] = await sql.query<WebhookRow>(
    `update webhook set url = coalesce($4, url), events = coalesce($5, events), active = coalesce($6, active), updated_at = $7,
       failing_since = case when $6 or $4 <> url then null else failing_since end,
       disabled_at = case when $6 then null else disabled_at end,
       disabled_reason = case when $6 then null else disabled_reason end
     where tenant_id = $1 and instance_id = $2 and id = $3 and deleted_at is null returning ${COLUMNS}`,
    [change.tenantId, change.instanceId, change.webhookId, change.url, change.events, change.active, change.now],
    'change-webhook',
  )
  return row ?? null
}

/** The secret until now signs beside the new one until `previousUntil`. Null: there is none. */
export async function replaceWebhookSecret(
  sql: Sql,
  of: Owner & { webhookId: string; secret: Uint8Array; previous: Uint8Array; previousUntil: Date; now: Date },
): Promise<WebhookRow | null> {
  const [row] = await sql.query<WebhookRow>(
    `update webhook set secret = $4, previous_secret = $5, previous_until = $6, updated_at = $7
     where tenant_id = $1 and instance_id = $2 and id = $3 and deleted_at is null returning ${COLUMNS}`,
    [of.tenantId, of.instanceId, of.webhookId, of.secret, of.previous, of.previousUntil, of.now],
    'replace-webhook-secret',
  )
  return row ?? null
}

/** Sealed. Locked to the end of the transaction. */
export async function lockWebhookSecret(sql: Sql, of: Owner & { webhookId: string }): Promise<Uint8Array | null> {
  const [row] = await sql.query<{ secret: Uint8Array }>(
    `select secret from webhook where tenant_id = $1 and instance_id = $2 and id = $3 and deleted_at is null
     for no key update`,
    [of.tenantId, of.instanceId, of.webhookId],
    'lock-webhook-secret',
  )
  return row?.secret ?? null
}

/** From now on it is nowhere to be seen; its deliveries go in pieces (`tidyDeletedWebhooks`). False: there is none. */
export async function endWebhook(sql: Sql, of: Owner & { webhookId: string; now: Date }): Promise<boolean> {
  const rows = await sql.query(
    `update webhook set deleted_at = $4, active = false
     where tenant_id = $1 and instance_id = $2 and id = $3 and deleted_at is null returning 1 as one`,
    [of.tenantId, of.instanceId, of.webhookId, of.now],
    'end-webhook',
  )
  return rows.length > 0
}

/** False: it is not active any more. */
export async function disableWebhook(
  sql: Sql,
  of: { webhookId: string; instanceId: string; reason: string; now: Date },
): Promise<boolean> {
  const rows = await sql.query(
    `update webhook set active = false, disabled_at = $4, disabled_reason = $3, updated_at = $4
     where instance_id = $1 and id = $2 and active and deleted_at is null returning 1 as one`,
    [of.instanceId, of.webhookId, of.reason, of.now],
    'disable-webhook',
  )
  return rows.length > 0
}

/** Forgets secrets that sign no more. */
export async function tidyRotatedSecrets(sql: Sql, now: Date): Promise<void> {
  await sql.query(
    'update webhook set previous_secret = null, previous_until = null where previous_until < $1',
    [now],
    'tidy-rotated-secrets',
  )
}

export const secretPlace = (webhookId: string): string => `webhook|${webhookId}|secret`
export const previousSecretPlace = (webhookId: string): string => `webhook|${webhookId}|previous_secret`
