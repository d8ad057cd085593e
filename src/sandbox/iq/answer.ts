import type { Companion } from '../companion.ts'
import type { Connection } from '../connection.ts'
import type { Content } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'

export class IqFailure {
  readonly code: number
  readonly text: string

  constructor(code: number, text: string) {
    this.code = code
    this.text = text
  }
}

export const NOT_FOUND = new IqFailure(404, 'item-not-found')
export const NOT_ACCEPTABLE = new IqFailure(406, 'not-acceptable')
export const BAD_REQUEST = new IqFailure(400, 'bad-request')

export interface Iq {
  conn: Connection
  node: BinaryNode
  /** The linked device; the handlers of pairing do without. */
  me: Companion
}

// biome-ignore lint/suspicious/noConfusingVoidType: a handler with nothing to say says nothing
type Answer = Content | IqFailure | undefined | void
export type IqHandlers = Record<string, (iq: Iq) => Answer | Promise<Answer>>
