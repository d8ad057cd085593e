import type { App } from '../../context.ts'
import { webhooksWithDue } from '../../db/queries/webhook-outbox.ts'
import { deliverPending } from './deliverPending.ts'

const WEBHOOKS_MAX = 1000

/** The clock's call: what is to be tried again, and what another process has left. Webhooks take turns. */
export async function deliverDue(app: App, limit = WEBHOOKS_MAX): Promise<void> {
  const { deliveries, node } = app
  const due = await webhooksWithDue(app.db.sql, { owner: node.id, after: deliveries.lookedAt, limit })
  deliveries.lookedAt = due.length === limit ? due.at(-1)!.webhookId : ''
  for (const target of due) deliverPending(app, target)
}

/** Of an event that was just committed. */
export function deliverSoon(app: App, of: { tenantId: string; webhooks: string[] }): void {
  for (const webhookId of of.webhooks) deliverPending(app, { webhookId, tenantId: of.tenantId })
}
