import { isEmoji } from '../resolvers/messages/reactions.ts'
import type { ContactType } from '../resolvers/sandbox/content.ts'
import type { FaultKind } from '../resolvers/sandbox/injectSandboxFault.ts'
import type { SandboxReceipt } from '../resolvers/sandbox/sendSandboxReceipt.ts'
import { builder } from './builder.ts'
import { between, check, line, notNull } from './check.ts'
import { contentFitsType, MessageContentInput, SENDABLE_VALUES } from './message-content.ts'
import { chatId, digits } from './phone.ts'

/** What callers write to have virtual contacts do something. */

const MAX_PARTICIPANTS = 1_023

const contact = { required: true, description: "The digits of the contact's phone number.", ...check(digits) } as const
const messageId = { required: true, description: '`msg_…`, a message that the contact has.' } as const

const ContactTypeEnum = builder.enumType('SandboxMessageType', {
  description: 'What kinds of message a virtual contact can send, and what `content` each asks for.',
  values: {
    ...SENDABLE_VALUES,
    sticker: { description: '`{media: {mediaId}}`' },
  } satisfies Record<ContactType, { description: string }>,
})

type Typed = { type?: ContactType; content?: Record<string, unknown> }

function fits({ type, content }: Typed): Record<string, string> | null {
  if (type !== 'sticker') return contentFitsType({ ...(type && { type }), ...(content && { content }) })
  const problems: Record<string, string> = {}
  if (content && content.media == null) problems['content.media'] = 'is required'
  for (const [name, value] of Object.entries(content ?? {})) {
    if (value != null && name !== 'media') problems[`content.${name}`] = 'is not a field of the type sticker'
  }
  return Object.keys(problems).length > 0 ? problems : null
}

export const ContactInput = builder.inputType('SendSandboxMessageInput', {
  description: 'A message from a virtual contact.',
  fields: t => ({
    from: t.string({ required: true, description: 'The digits of any phone number.', ...check(digits) }),
    type: t.field({ type: ContactTypeEnum, required: true, description: 'What kind it is.' }),
    content: t.field({
      type: MessageContentInput,
      required: true,
      description: "What it says; media is one of the instance's own.",
    }),
    chatId: t.string({
      description:
        "The chat as the contact sees it: a group that both are in, or the instance's own number or `…@lid`. Left out: the direct chat.",
      ...notNull(chatId),
    }),
    quotedMessageId: t.id({ description: '`msg_…` of the message that it answers.', ...notNull() }),
  }),
  extensions: { check: fits },
})

export const ReceiptStatus = builder.enumType('SandboxReceiptStatus', {
  description: 'What a phone tells of a message.',
  values: {
    delivered: { description: 'It is there.' },
    read: { description: 'It was seen.' },
  } satisfies Record<SandboxReceipt['status'], { description: string }>,
})

export const ReceiptInput = builder.inputType('SendSandboxReceiptInput', {
  description: 'A receipt of a virtual contact.',
  fields: t => ({
    contact: t.string(contact),
    messageId: t.id(messageId),
    status: t.field({ type: ReceiptStatus, required: true, description: 'What is told.' }),
  }),
})

export const ReactionInput = builder.inputType('SendSandboxReactionInput', {
  description: 'A reaction of a virtual contact.',
  fields: t => ({
    contact: t.string(contact),
    messageId: t.id(messageId),
    emoji: t.string({
      required: true,
      description: 'One emoji; `""` takes the reaction back.',
      ...check((value: string) => (value === '' || isEmoji(value) ? null : 'must be one emoji, or empty')),
    }),
  }),
})

export const GroupInput = builder.inputType('CreateSandboxGroupInput', {
  description: "A group that the instance's phone makes.",
  fields: t => ({
    subject: t.string({ required: true, description: 'Up to 100 characters.', ...check(line(100)) }),
    participants: t.stringList({
      required: true,
      description: `The digits of 1 to ${MAX_PARTICIPANTS.toLocaleString('en')} phone numbers.`,
      ...check(numbers),
    }),
  }),
})

function numbers(value: string[]): Record<string, string> | string | null {
  if (value.length < 1 || value.length > MAX_PARTICIPANTS) return `must have 1 to ${MAX_PARTICIPANTS} numbers`
  const problems = value.flatMap((each, i) => {
    const problem = digits(each)
    return typeof problem === 'string' ? [[String(i), problem] as const] : []
  })
  return problems.length > 0 ? Object.fromEntries(problems) : null
}

export const FaultKindEnum = builder.enumType('SandboxFaultKind', {
  description: 'What goes wrong.',
  values: {
    drop: { description: 'The connection is cut.' },
    stream_error: { description: 'WhatsApp ends the connection with `code`: 515, 503, 440, 401 …' },
    hold_acks: { description: 'WhatsApp takes messages and does not say so, until `release_acks`.' },
    release_acks: { description: 'What was held back is said.' },
    duplicate_next: { description: 'The next message to the instance comes twice.' },
    logout: { description: 'The phone removes the linked device.' },
    refuse_next: { description: 'WhatsApp refuses the next message of the instance with `code`: 463, 479, 429 …' },
    unreadable_next: {
      description: 'The phone that gets the next message of the instance cannot read it, and asks for it again.',
    },
    expire_media: { description: 'The media host forgets what was sent to the instance so far.' },
  } satisfies Record<FaultKind, { description: string }>,
})

export const FaultInput = builder.inputType('InjectSandboxFaultInput', {
  description: 'A fault.',
  fields: t => ({
    kind: t.field({ type: FaultKindEnum, required: true, description: 'What goes wrong.' }),
    code: t.int({ description: 'For `stream_error` and `refuse_next`: the code.', ...notNull(between(400, 599)) }),
  }),
  extensions: { check: codeFitsKind },
})

function codeFitsKind({ kind, code }: { kind?: FaultKind; code?: number | null }): Record<string, string> | null {
  if (kind === undefined) return null
  const takesCode = kind === 'stream_error' || kind === 'refuse_next'
  if (takesCode && code == null) return { code: 'is required' }
  return !takesCode && code != null ? { code: `is not a field of the kind ${kind}` } : null
}
