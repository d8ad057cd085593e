import type { Context } from '../../context.ts'
import { act } from './act.ts'
import { assertOnNetwork } from './allowed.ts'
import { keyOf } from './extras.ts'
import type { StoredMessage } from './shape.ts'

export interface ReactArgs {
  instanceId: string
  messageId: string
  input: { emoji: string }
}

/** Sets this account's reaction, in place of an earlier one; an empty emoji takes it back. */
export function reactToMessage(ctx: Context, { input: { emoji }, ...args }: ReactArgs): Promise<StoredMessage> {
  const at = ctx.clock.now()
  return act(ctx, {
    ...args,
    allow: assertOnNetwork,
    action: () => ({ type: 'reaction', emoji }),
    outbound: target => ({ type: 'reaction', target: keyOf(target), emoji, at }),
  })
}
