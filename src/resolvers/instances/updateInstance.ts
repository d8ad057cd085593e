import type { Context } from '../../context.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { type ConfigInput, uniqueName } from './createInstance.ts'
import { instanceToChange } from './instance.ts'
import type { StoredInstance } from './shape.ts'

export interface UpdateInstanceArgs {
  instanceId: string
  input: { name?: string | null; description?: string | null; config?: ConfigInput | null }
}

export async function updateInstance(ctx: Context, args: UpdateInstanceArgs): Promise<StoredInstance> {
  const stored = await instanceToChange(ctx, args)
  const { name, description, config } = args.input
  if (name != null) stored.name = name.trim()
  if (description !== undefined) stored.description = description
  stored.autoReconnect = config?.autoReconnect ?? stored.autoReconnect
  stored.downloadMedia = config?.downloadMedia ?? stored.downloadMedia
  stored.emitRaw = config?.emitRaw ?? stored.emitRaw
  stored.updatedAt = ctx.clock.now()
  await uniqueName(ctx.em.flush(), stored.name)
  if (config?.autoReconnect != null) {
    await ctx.pass.aside(onOwner(ctx, stored.id, 'configure', { autoReconnect: stored.autoReconnect }))
  }
  return stored
}
