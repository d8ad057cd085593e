import type { MessageContent } from '../messages/shape.ts'

/** What a contact's phone shows. */
export interface ShownOnPhone {
  whatsappId: string
  chatId: string
  content: MessageContent
  at: Date
}
