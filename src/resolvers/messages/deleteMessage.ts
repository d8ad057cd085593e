import type { Context } from '../../context.ts'
import { act } from './act.ts'
import { assertDeletable } from './allowed.ts'
import { keyOf } from './extras.ts'

/** Deletes a sent message for everyone. The row stays, and says when. */
export async function deleteMessage(ctx: Context, args: { instanceId: string; messageId: string }): Promise<boolean> {
  await act(ctx, {
    ...args,
    allow: target => assertDeletable(target, ctx.clock.nowMs()),
    action: () => ({ type: 'delete' }),
    outbound: target => ({ type: 'delete', target: keyOf(target) }),
  })
  return true
}
