import type { Sql } from '../sql.ts'

export interface AuditRow {
  id: string
  tenantId: string | null
  actor: { kind: string; id: string | null }
  action: string
  target: string | null
  ip: string | null
  requestId: string | null
  at: Date
}

export async function insertAudit(sql: Sql, row: AuditRow): Promise<void> {
  await sql.query(
    `insert into audit_log (id, tenant_id, actor, action, target, ip, request_id, at)
     values ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [row.id, row.tenantId, JSON.stringify(row.actor), row.action, row.target, row.ip, row.requestId, row.at],
    'insert-audit',
  )
}
