import { type Context, tenantOf } from '../../context.ts'
import { countWebhooksLocked, insertWebhook, secretPlace } from '../../db/queries/webhooks.ts'
import { limitExceeded, notFound } from '../../errors.ts'
import type { WebhookEventType } from '../../events/payloads.ts'
import { newId } from '../../ids.ts'
import { recordAudit } from '../auth/audit.ts'
import { instance } from '../instances/instance.ts'
import { assertReachable } from './place.ts'
import { type MadeWebhook, WEBHOOKS_MAX } from './shape.ts'

export interface CreateWebhookArgs {
  instanceId: string
  input: { url: string; events: WebhookEventType[]; secret?: string | null; active?: boolean | null }
}

export async function createWebhook(ctx: Context, { instanceId, input }: CreateWebhookArgs): Promise<MadeWebhook> {
  await instance(ctx, { instanceId })
  await assertReachable(ctx, input.url)
  const tenantId = tenantOf(ctx)
  const id = newId('whk')
  const made = input.secret == null ? ctx.delivery.newSecret() : null
  const secret = ctx.secrets.seal(Buffer.from(made ?? input.secret!), secretPlace(id))
  const { url, active } = input
  const events = [...new Set(input.events)]
  return ctx.db.transaction(async sql => {
    const count = await countWebhooksLocked(sql, { tenantId, instanceId })
    if (count === null) throw notFound('instance')
    if (count >= WEBHOOKS_MAX) throw limitExceeded(`${WEBHOOKS_MAX} webhooks are in use: delete one first`)
    const now = ctx.clock.now()
    const row = await insertWebhook(sql, { id, tenantId, instanceId, url, events, active: active ?? true, secret, now })
    const created: MadeWebhook = { ...row, secret: made }
    await recordAudit(sql, ctx, { action: 'webhook.created', tenantId, target: id })
    await ctx.once?.keep(sql, created)
    return created
  })
}
