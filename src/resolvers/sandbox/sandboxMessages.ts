import type { Context } from '../../context.ts'
import { account, translated } from './account.ts'
import type { ShownOnPhone } from './shape.ts'

export async function sandboxMessages(
  ctx: Context,
  args: { instanceId: string; contact: string },
): Promise<ShownOnPhone[]> {
  const { stored, sandbox } = await account(ctx, args)
  const shown = await translated(sandbox.messages(stored.id, { contact: args.contact }))
  return shown.map(({ at, ...message }) => ({ ...message, at: new Date(at) }))
}
