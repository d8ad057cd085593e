import type { Context } from '../../context.ts'
import { whatsappIdOf } from './about.ts'
import { account, translated } from './account.ts'

export interface SandboxReceipt {
  contact: string
  messageId: string
  status: 'delivered' | 'read'
}

/** The contact's phone tells that it has a message, or that it was read. */
export async function sendSandboxReceipt(
  ctx: Context,
  { instanceId, input }: { instanceId: string; input: SandboxReceipt },
): Promise<SandboxReceipt> {
  const { stored, sandbox } = await account(ctx, { instanceId })
  const { contact, messageId, status } = input
  const whatsappId = await whatsappIdOf(ctx, { instanceId, messageId })
  await translated(sandbox.receipt(stored.id, { contact, whatsappId, status }))
  return { contact, messageId, status }
}
