import type { Caller, Context } from '../../context.ts'
import { insertAudit } from '../../db/queries/audit.ts'
import type { Sql } from '../../db/sql.ts'
import { newId } from '../../ids.ts'

export type AuditAction =
  | 'signup'
  | 'login'
  | 'logout'
  | 'api_key.created'
  | 'api_key.revoked'
  | 'instance.created'
  | 'instance.deleted'
  | 'webhook.created'
  | 'webhook.updated'
  | 'webhook.deleted'
  | 'webhook.secret_rotated'
  | 'webhook.disabled'
  | 'tenant.created'
  | 'tenant.suspended'
  | 'tenant.activated'
  | 'tenant.plan_set'
  | 'tenant.plan_changed'
  | 'subscription.duplicate_found'
  | 'sign_in_link.created'

export interface AuditFact {
  action: AuditAction
  tenantId: string
  /** The id of what it was done to. */
  target: string
  /** Left out: the caller, or the operator when there is none. */
  actor?: Actor
}

export interface Actor {
  kind: 'key' | 'session' | 'operator' | 'stripe'
  id: string | null
}

type Source = Pick<Context, 'clock'> & Partial<Pick<Context, 'caller' | 'ip' | 'requestId'>>

/** Writes down who did what, in the transaction of what was done. */
export async function recordAudit(sql: Sql, source: Source, fact: AuditFact): Promise<void> {
  await insertAudit(sql, {
    id: newId('aud'),
    tenantId: fact.tenantId,
    actor: fact.actor ?? actorOf(source.caller ?? null),
    action: fact.action,
    target: fact.target,
    ip: source.ip ?? null,
    requestId: source.requestId ?? null,
    at: source.clock.now(),
  })
}

function actorOf(caller: Caller | null): Actor {
  if (!caller) return { kind: 'operator', id: null }
  return caller.via.kind === 'key'
    ? { kind: 'key', id: caller.via.apiKeyId }
    : { kind: 'session', id: caller.via.sessionId }
}
