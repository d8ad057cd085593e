import type { ShownContent } from '../../sandbox/sandbox.ts'

/** What a contact's phone shows. */
export interface ShownOnPhone {
  whatsappId: string
  chatId: string
  fromMe: boolean
  content: ShownContent
  quotedWhatsappId: string | null
  reactions: { from: string; emoji: string }[]
  edited: boolean
  deleted: boolean
  at: Date
}
