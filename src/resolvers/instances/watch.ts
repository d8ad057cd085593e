import type { Context } from '../../context.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { instance } from './instance.ts'
import type { InstanceStatus, QrUpdate } from './shape.ts'

type Stream<Event> = Promise<AsyncIterableIterator<Event>>

export async function connectionUpdated(
  ctx: Context,
  args: { instanceId: string },
): Stream<HouseEvent<'connection.update', InstanceStatus>> {
  const { id, tenantId } = await instance(ctx, args)
  return ctx.bus.subscribe<'connection.update', InstanceStatus>({ tenantId, instanceId: id, type: 'connection.update' })
}

export async function qrUpdated(
  ctx: Context,
  args: { instanceId: string },
): Stream<HouseEvent<'qr.updated', QrUpdate>> {
  const { id, tenantId } = await instance(ctx, args)
  return ctx.bus.subscribe<'qr.updated', QrUpdate>({ tenantId, instanceId: id, type: 'qr.updated' })
}
