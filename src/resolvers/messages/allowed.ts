import type { MessageRow } from '../../db/queries/messages.ts'
import { invalid } from '../../errors.ts'

/** What may be done to a message. */

/** WhatsApp's own limits, by its help pages; a later edit is dropped by the phones that get it. */
const EDIT_WITHIN_MS = 15 * 60_000
const EDIT_GRACE_MS = 5 * 60_000
const DELETE_WITHIN_MS = 48 * 3600_000

/** When phones drop an edit of the message; they are a little patient. */
export const editableUntil = (target: MessageRow): Date =>
  new Date(target.timestamp.getTime() + EDIT_WITHIN_MS + EDIT_GRACE_MS)

const no = (reason: string) => invalid({ messageId: reason })

/** Of a message that failed or was deleted nobody else knows. */
export function assertOnNetwork(target: MessageRow): void {
  if (target.status === 'failed') throw no('was never sent')
  if (target.deletedAt) throw no('was deleted')
}

function assertOwn(target: MessageRow): void {
  assertOnNetwork(target)
  if (target.direction === 'inbound') throw no('was not sent by this instance')
}

/** Only what was said can be said otherwise: the text, or the caption of media. */
export function assertEditable(target: MessageRow, nowMs: number): void {
  assertOwn(target)
  if (!EDITABLE[target.type]) throw no(`is of the type ${target.type}, which cannot be edited`)
  if (nowMs - target.timestamp.getTime() > EDIT_WITHIN_MS) throw no('can be edited for 15 minutes only')
}

/** By type, the field that is edited. */
export const EDITABLE: Record<string, 'text' | 'caption'> = {
  text: 'text',
  image: 'caption',
  video: 'caption',
  document: 'caption',
}

export function assertDeletable(target: MessageRow, nowMs: number): void {
  assertOwn(target)
  if (nowMs - target.timestamp.getTime() > DELETE_WITHIN_MS) throw no('can be deleted for everyone for 48 hours only')
}
