import { type Context, tenantOf } from '../../context.ts'
import { replayRange } from '../../db/queries/webhook-deliveries.ts'
import { invalid } from '../../errors.ts'
import { pager } from '../page.ts'
import { deliverPending } from './deliverPending.ts'
import type { WebhookArgs } from './shape.ts'
import { webhook } from './webhook.ts'

/** So many at a time: one statement. */
const BATCH_MAX = 10_000

export interface ReplayDeliveriesArgs extends WebhookArgs {
  input: { since: Date; until?: Date | null; include?: 'failed' | 'all' | null; cursor?: string | null }
}

export interface Replayed {
  replayed: number
  /** Null: there are no more. */
  nextCursor: string | null
}

/** Sends again what failed, or all, of a time; each once, however often this is asked for at the same time. */
export async function replayDeliveries(ctx: Context, args: ReplayDeliveriesArgs): Promise<Replayed> {
  const { instanceId, webhookId, input } = args
  const tenantId = tenantOf(ctx)
  const stored = await webhook(ctx, { instanceId, webhookId })
  if (!stored.active) throw invalid({ webhookId: 'is not active: activate it first' })
  const until = input.until ?? ctx.clock.now()
  if (until <= input.since) throw invalid({ until: 'must be after since' })
  const pages = pager(ctx, `replay ${webhookId} ${input.since.toISOString()} ${input.include ?? 'failed'}`)
  const range = {
    tenantId,
    instanceId,
    webhookId,
    since: input.since,
    until,
    failedOnly: (input.include ?? 'failed') === 'failed',
    after: pages.after(input.cursor),
    limit: BATCH_MAX + 1,
  }
  const answer = await ctx.db.transaction(async sql => {
    const ids = await replayRange(sql, range)
    const { page } = pages.page(
      ids.map(id => ({ id })),
      BATCH_MAX,
    )
    const replayed: Replayed = { replayed: ids.length, nextCursor: page.nextCursor }
    await ctx.once?.keep(sql, replayed)
    return replayed
  })
  deliverPending(ctx, { tenantId, webhookId })
  return answer
}
