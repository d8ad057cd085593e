import type { Context } from '../../context.ts'
import { instance } from './instance.ts'
import { type InstanceStatus, statusOf } from './shape.ts'

export async function instanceStatus(ctx: Context, args: { instanceId: string }): Promise<InstanceStatus> {
  return statusOf(await instance(ctx, args))
}
