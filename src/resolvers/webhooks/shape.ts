import type { WebhookRow } from '../../db/queries/webhooks.ts'

export type StoredWebhook = WebhookRow

/** The secret when it was made here: nobody sees it again. */
export type MadeWebhook = StoredWebhook & { secret: string | null }

export interface WebhookArgs {
  instanceId: string
  webhookId: string
}

export interface DeliveryArgs {
  instanceId: string
  deliveryId: string
}

/** Of one instance. */
export const WEBHOOKS_MAX = 10
