import { isEmoji } from '../resolvers/messages/reactions.ts'
import type { PresenceState } from '../whatsapp/whatsapp.ts'
import { builder } from './builder.ts'
import { between, check, notNull } from './check.ts'
import { contentFitsType, MessageContentInput, SendableTypeEnum } from './message-content.ts'
import { chatId, person } from './phone.ts'

/** What callers write to send, to react, to edit. */

export const SendInput = builder.inputType('SendMessageInput', {
  description: 'A message to send.',
  fields: t => ({
    chatId: t.string({
      required: true,
      description: '`…@s.whatsapp.net`, `…@lid`, `…@g.us`, or a phone number in international form.',
      ...check(chatId),
    }),
    type: t.field({ type: SendableTypeEnum, required: true, description: 'What kind it is.' }),
    content: t.field({ type: MessageContentInput, required: true, description: 'What it says.' }),
    quotedMessageId: t.id({ description: '`msg_…` of the message that it answers.', ...notNull() }),
    mentions: t.stringList({
      description:
        'Jids or phone numbers of people to mention; the text names each as `@` and the digits. At most 100.',
      ...notNull(people),
    }),
    expiresIn: t.int({
      description:
        'Seconds after which it is `failed` when it could not be sent; 24 hours by default, which is also the most.',
      ...notNull(between(1, 86_400)),
    }),
  }),
  extensions: { check: contentFitsType },
})

function people(value: string[]): Record<string, string> | string | null {
  if (value.length > 100) return 'must have at most 100 people'
  const problems = value.flatMap((each, i) => {
    const problem = person(each)
    return typeof problem === 'string' ? [[String(i), problem] as const] : []
  })
  return problems.length > 0 ? Object.fromEntries(problems) : null
}

export const ReactInput = builder.inputType('ReactToMessageInput', {
  description: 'A reaction.',
  fields: t => ({
    emoji: t.string({
      required: true,
      description: 'One emoji; it takes the place of an earlier one. `""` takes the reaction back.',
      ...check((value: string) => (value === '' || isEmoji(value) ? null : 'must be one emoji, or empty')),
    }),
  }),
})

export const EditInput = builder.inputType('EditMessageInput', {
  description: 'What a message is to say instead.',
  fields: t => ({
    content: t.field({
      type: MessageContentInput,
      required: true,
      description: '`{text}` of a text message, `{caption}` of an image, a video or a document.',
    }),
  }),
})

export const PresenceEnum = builder.enumType('PresenceState', {
  description: 'What the chat shows of this account.',
  values: {
    composing: { description: 'Typing.' },
    paused: { description: 'Not typing any more.' },
    recording: { description: 'Recording a voice note.' },
  } satisfies Record<PresenceState, { description: string }>,
})

export const PresenceInput = builder.inputType('SendPresenceInput', {
  description: 'What a chat is to show.',
  fields: t => ({
    chatId: t.string({ required: true, description: 'The chat, in any form that sending takes.', ...check(chatId) }),
    state: t.field({ type: PresenceEnum, required: true, description: 'What it shows.' }),
  }),
})
