import type { Context } from '../../context.ts'
import { whatsappIdOf } from './about.ts'
import { account, translated } from './account.ts'

export interface SandboxReaction {
  contact: string
  messageId: string
  emoji: string
}

/** The contact reacts to a message that its phone shows; an empty emoji takes the reaction back. */
export async function sendSandboxReaction(
  ctx: Context,
  { instanceId, input }: { instanceId: string; input: SandboxReaction },
): Promise<SandboxReaction> {
  const { stored, sandbox } = await account(ctx, { instanceId })
  const { contact, messageId, emoji } = input
  const whatsappId = await whatsappIdOf(ctx, { instanceId, messageId })
  await translated(sandbox.reaction(stored.id, { contact, whatsappId, emoji }))
  return { contact, messageId, emoji }
}
