import type { Context } from '../../context.ts'
import { notFound } from '../../errors.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { instanceToChange } from './instance.ts'
import { type InstanceStatus, statusOf } from './shape.ts'

/** Closes the socket and keeps the link. What is pending waits for the next connect. */
export async function disconnectInstance(ctx: Context, args: { instanceId: string }): Promise<InstanceStatus> {
  const stored = await instanceToChange(ctx, args)
  if (!stored.wanted && stored.state === 'disconnected') return statusOf(stored)
  stored.wanted = false
  await ctx.em.flush()
  await ctx.pass.aside(onOwner(ctx, stored.id, 'stop', {}))
  if (!(await ctx.em.refresh(stored))) throw notFound('instance')
  return statusOf(stored)
}
