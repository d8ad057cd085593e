import type { Instance } from '../entities/instance.ts'
import type { Sql } from '../sql.ts'
import { connectionRolled } from './connection-rolled.ts'
import { heldLease } from './leases.ts'

/** The statements of the instance table that the engine's news, the reads and the send path make. */

/** As MikroORM gives it, and known to no `em`: what is set on it is not written. */
export async function findInstance(sql: Sql, tenantId: string, instanceId: string): Promise<Readonly<Instance> | null> {
  const [row] = await sql.query<Instance>(
    `select id, tenant_id as "tenantId", name, description, sandbox, auto_reconnect as "autoReconnect",
       download_media as "downloadMedia", emit_raw as "emitRaw", wanted, linked, state, last_error as "lastError",
       state_at as "stateAt", phone_number as "phoneNumber", lid, qr, qr_expires_at as "qrExpiresAt",
       created_at as "createdAt", updated_at as "updatedAt"
     from instance where tenant_id = $1 and id = $2`,
    [tenantId, instanceId],
    'find-instance',
  )
  return row ?? null
}

export interface Sender {
  state: string
  phoneNumber: string | null
}

export async function findSender(sql: Sql, tenantId: string, instanceId: string): Promise<Sender | null> {
  const [row] = await sql.query<Sender>(
    'select state, phone_number as "phoneNumber" from instance where tenant_id = $1 and id = $2',
    [tenantId, instanceId],
    'find-sender',
  )
  return row ?? null
}

export interface InstanceFacts {
  tenantId: string
  emitRaw: boolean
  downloadMedia: boolean
}

/** Null: the instance is gone. It cannot go away before the transaction ends. */
export async function findInstanceFacts(sql: Sql, instanceId: string): Promise<InstanceFacts | null> {
  const [row] = await sql.query<InstanceFacts>(
    `select tenant_id as "tenantId", emit_raw as "emitRaw", download_media as "downloadMedia" from instance where id = $1
     for key share`,
    [instanceId],
    'find-instance-facts',
  )
  return row ?? null
}

export interface NewState {
  instanceId: string
  at: Date
  state: string
  lastError: string | null
  /** Null: as it was. */
  linked: boolean | null
  phoneNumber: string | null
  lid: string | null
  /** 0: no session tells it, and it holds whoever has the lease. */
  epoch: number
}

/**
 * The tenant, or null when the instance is gone or another session has taken it over. A code to scan ends with the state
 * that showed it.
 */
export async function recordState(sql: Sql, news: NewState): Promise<string | null> {
  const [row] = await sql.query<{ tenantId: string }>(
    `with ${heldLease({ instance: '$1', epoch: '$8' })}, allowed as (select from held union all select where $8::bigint = 0),
     was as (
       select instance.id, tenant_id, state, state_at from instance, allowed where id = $1 for no key update of instance),
     ${connectionRolled({ at: '$4::timestamptz', state: '$2::text', error: '$3::text' })},
     told as (
       insert into recent_error (tenant_id, instance_id, at, category, code, message)
       select tenant_id, id, $4, 'connections', $2, $3 from was where $3 is not null)
     update instance set state = $2, last_error = $3, state_at = $4, linked = coalesce($5, linked),
       phone_number = coalesce($6, phone_number), lid = coalesce($7, lid),
       qr = case when $2 = 'qr_required' then qr end, qr_expires_at = case when $2 = 'qr_required' then qr_expires_at end
     from was where instance.id = was.id returning was.tenant_id as "tenantId"`,
    [news.instanceId, news.state, news.lastError, news.at, news.linked, news.phoneNumber, news.lid, news.epoch],
    'record-state',
  )
  return row?.tenantId ?? null
}

/** The tenant, or null when the instance is gone or another session has taken it over. */
export async function recordQr(
  sql: Sql,
  news: { instanceId: string; qr: string; expiresAt: Date; epoch: number },
): Promise<string | null> {
  const [row] = await sql.query<{ tenantId: string }>(
    `with ${heldLease({ instance: '$1', epoch: '$4' })}
     update instance set qr = $2, qr_expires_at = $3 from held where id = $1 returning tenant_id as "tenantId"`,
    [news.instanceId, news.qr, news.expiresAt, news.epoch],
    'record-qr',
  )
  return row?.tenantId ?? null
}

/** What is needed of an instance to run its session. */
export interface Runnable {
  id: string
  sandbox: boolean
  autoReconnect: boolean
}

export async function findRunnable(sql: Sql, instanceId: string): Promise<Runnable | null> {
  const [row] = await sql.query<Runnable>(
    'select id, sandbox, auto_reconnect as "autoReconnect" from instance where id = $1',
    [instanceId],
    'find-runnable',
  )
  return row ?? null
}
