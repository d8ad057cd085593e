import type { Context } from '../../context.ts'
import { chatJid } from '../chats/chat-id.ts'
import { account, translated } from './account.ts'

export interface SendSandboxMessageArgs {
  instanceId: string
  input: { from: string; type: 'text'; content: { text?: string | null }; chatId?: string | null }
}

export async function sendSandboxMessage(ctx: Context, args: SendSandboxMessageArgs): Promise<{ whatsappId: string }> {
  const { stored, sandbox } = await account(ctx, args)
  const { from, content, chatId } = args.input
  return translated(
    sandbox.sendMessage(stored.id, {
      from,
      content: { type: 'text', text: content.text! },
      ...(chatId && { chatId: chatJid(chatId)! }),
    }),
  )
}
