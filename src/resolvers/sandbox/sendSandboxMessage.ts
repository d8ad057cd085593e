import type { Context } from '../../context.ts'
import { chatJid } from '../chats/chat-id.ts'
import type { ContentInput } from '../messages/content.ts'
import { whatsappIdOf } from './about.ts'
import { account, translated } from './account.ts'
import { type ContactType, contactContent } from './content.ts'

export interface SendSandboxMessageArgs {
  instanceId: string
  input: {
    from: string
    type: ContactType
    content: ContentInput
    chatId?: string | null
    quotedMessageId?: string | null
  }
}

export async function sendSandboxMessage(
  ctx: Context,
  { instanceId, input }: SendSandboxMessageArgs,
): Promise<{ whatsappId: string }> {
  const { stored, sandbox } = await account(ctx, { instanceId })
  const { from, type, chatId, quotedMessageId } = input
  const quotedWhatsappId = quotedMessageId
    ? await whatsappIdOf(ctx, { instanceId, messageId: quotedMessageId })
    : undefined
  return translated(
    sandbox.sendMessage(stored.id, {
      from,
      content: await contactContent(ctx, { instanceId, type, content: input.content }),
      ...(chatId && { chatId: chatJid(chatId)! }),
      ...(quotedWhatsappId && { quotedWhatsappId }),
    }),
  )
}
