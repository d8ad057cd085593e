import type { Context } from '../../context.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { instance } from '../instances/instance.ts'
import type { StoredMessage } from './shape.ts'

type Stream<Event> = Promise<AsyncIterableIterator<Event>>

export async function messageReceived(
  ctx: Context,
  args: { instanceId: string },
): Stream<HouseEvent<'message.received', StoredMessage>> {
  const { id, tenantId } = await instance(ctx, args)
  return ctx.bus.subscribe<'message.received', StoredMessage>({ tenantId, instanceId: id, type: 'message.received' })
}

export async function messageStatusChanged(
  ctx: Context,
  args: { instanceId: string },
): Stream<HouseEvent<'message.status', StoredMessage>> {
  const { id, tenantId } = await instance(ctx, args)
  return ctx.bus.subscribe<'message.status', StoredMessage>({ tenantId, instanceId: id, type: 'message.status' })
}
