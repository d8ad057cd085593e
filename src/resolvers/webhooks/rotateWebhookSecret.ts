import { type Context, tenantOf } from '../../context.ts'
import { lockWebhookSecret, previousSecretPlace, replaceWebhookSecret, secretPlace } from '../../db/queries/webhooks.ts'
import { notFound } from '../../errors.ts'
import { recordAudit } from '../auth/audit.ts'
import type { MadeWebhook, WebhookArgs } from './shape.ts'

/** How long the secret until now goes on signing beside the new one. */
const BOTH_SIGN_MS = 24 * 3600 * 1000

export async function rotateWebhookSecret(
  ctx: Context,
  args: WebhookArgs & { input?: { secret?: string | null } | null },
): Promise<MadeWebhook> {
  const { instanceId, webhookId } = args
  const tenantId = tenantOf(ctx)
  const of = { tenantId, instanceId, webhookId }
  const made = args.input?.secret == null ? ctx.delivery.newSecret() : null
  const secret = ctx.secrets.seal(Buffer.from(made ?? args.input!.secret!), secretPlace(webhookId))
  return ctx.db.transaction(async sql => {
    const sealed = await lockWebhookSecret(sql, of)
    if (!sealed) throw notFound('webhook')
    const old = ctx.secrets.open(sealed, secretPlace(webhookId))
    const now = ctx.clock.now()
    const row = await replaceWebhookSecret(sql, {
      ...of,
      secret,
      previous: ctx.secrets.seal(old, previousSecretPlace(webhookId)),
      previousUntil: new Date(now.getTime() + BOTH_SIGN_MS),
      now,
    })
    const rotated: MadeWebhook = { ...row!, secret: made }
    await recordAudit(sql, ctx, { action: 'webhook.secret_rotated', tenantId, target: webhookId })
    await ctx.once?.keep(sql, rotated)
    return rotated
  })
}
