import type { App } from '../../context.ts'
import { findAccount } from '../../db/queries/tenants.ts'
import { disableWebhook } from '../../db/queries/webhooks.ts'
import { type EventData, webhookDisabled } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { recordAudit } from '../auth/audit.ts'
import { queueLetter } from '../auth/letters.ts'
import { tidyWebhooksDue } from './tidyWebhooksDue.ts'

export interface Disabling {
  tenantId: string
  instanceId: string
  webhookId: string
  url: string
  reason: EventData['webhook.disabled']['reason']
}

/** How long a letter about it is worth sending. */
const LETTER_MS = 24 * 3600 * 1000

/** Deactivates a webhook that takes nothing: said by mail, as an event, in the log and the audit log. */
export async function disable(app: App, of: Disabling): Promise<void> {
  const { tenantId, instanceId, webhookId, reason } = of
  const event = await app.db.transaction(async sql => {
    const disabled = await disableWebhook(sql, { webhookId, instanceId, reason, now: app.clock.now() })
    if (!disabled) return null
    const account = await findAccount(sql, { id: tenantId })
    const letter = { kind: 'webhook_disabled', to: account!.email, url: of.url, reason } as const
    await queueLetter(sql, app, { letter, expiresAt: new Date(app.clock.nowMs() + LETTER_MS) })
    const actor = { kind: 'operator', id: null } as const
    await recordAudit(sql, app, { action: 'webhook.disabled', tenantId, target: webhookId, actor })
    return record(sql, app.clock, {
      type: 'webhook.disabled',
      tenantId,
      instanceId,
      about: webhookId,
      data: webhookDisabled({ id: webhookId, url: of.url, reason }),
      subject: null,
    })
  })
  if (!event) return
  app.log.warn({ instanceId, webhookId, reason }, 'a webhook was deactivated: its receiver takes nothing')
  app.bus.publish(event)
  app.background('tidy webhooks', tidyWebhooksDue(app))
}
