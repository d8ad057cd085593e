import type { Context } from '../../context.ts'
import type { MessageRow } from '../../db/queries/messages.ts'
import { invalid } from '../../errors.ts'
import { act } from './act.ts'
import { assertEditable, EDITABLE, editableUntil } from './allowed.ts'
import type { ContentInput } from './content.ts'
import { keyOf } from './extras.ts'
import type { StoredMessage } from './shape.ts'

export interface EditArgs {
  instanceId: string
  messageId: string
  input: { content: ContentInput }
}

/** Says otherwise what was sent: the text, or the caption of media. Receivers see that it was edited. */
export function editMessage(ctx: Context, { input: { content }, ...args }: EditArgs): Promise<StoredMessage> {
  const at = ctx.clock.now()
  return act(ctx, {
    ...args,
    allow: target => {
      assertEditable(target, at.getTime())
      textFor(target, content)
    },
    action: target => {
      const text = textFor(target, content)
      return { type: 'edit', content: { ...target.content, [EDITABLE[target.type]!]: text } }
    },
    until: editableUntil,
    outbound: target => ({
      type: 'edit',
      target: keyOf(target),
      text: textFor(target, content),
      media: mediaOf(target),
      at,
    }),
  })
}

/** Whose caption it is: a phone takes no bare text for the caption of a picture. */
const mediaOf = ({ type }: MessageRow) =>
  type === 'image' || type === 'video' || type === 'document' ? type : undefined

/** The one field that the message's type lets be edited; any other is named. */
function textFor(target: MessageRow, content: ContentInput): string {
  const field = EDITABLE[target.type]!
  const problems: Record<string, string> = {}
  for (const [name, value] of Object.entries(content)) {
    if (name !== field && value != null)
      problems[`content.${name}`] = `cannot be edited in a message of the type ${target.type}`
  }
  const text = content[field]
  if (text == null || text === '') problems[`content.${field}`] = text === '' ? 'must not be empty' : 'is required'
  if (Object.keys(problems).length > 0) throw invalid(problems)
  return text!
}
