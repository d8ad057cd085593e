import type { Context } from '../../context.ts'
import { invalid } from '../../errors.ts'
import { act } from './act.ts'
import type { StoredMessage } from './shape.ts'

/** Tells the sender that the message was read. */
export function markMessageRead(ctx: Context, args: { instanceId: string; messageId: string }): Promise<StoredMessage> {
  return act(ctx, {
    ...args,
    allow: target => {
      if (target.direction === 'outbound') throw invalid({ messageId: 'is a message that was sent, not received' })
    },
    action: () => ({ type: 'read' }),
    outbound: () => null,
  })
}
