import type { App } from '../../context.ts'
import type { Move, ReadRow } from '../../db/queries/answered.ts'
import { messageRead, messageStatus } from '../../events/catalogue.ts'
import { type Draft, draftOf } from '../../events/record.ts'
import type { StoredMessage } from './shape.ts'
import { advance, type MessageStatus, passed } from './status.ts'
import { storedMessage } from './stored.ts'
import { type StepKind, stepText } from './trail.ts'

/** What answers make of messages, one after another: where each of them moves, and the events of it. */
export class Moves {
  readonly drafts: Draft[] = []
  /** How many of them are pending no more. */
  settled = 0
  readonly #app: Pick<App, 'clock' | 'node'>
  readonly #moves = new Map<string, Move & { status: MessageStatus }>()

  constructor(app: Pick<App, 'clock' | 'node'>) {
    this.#app = app
  }

  get moves(): Move[] {
    return [...this.#moves.values()]
  }

  /** `reader`: who has read it. */
  take(row: ReadRow, heard: { status: 'sent' | 'delivered' | 'read'; reader?: string | null }): void {
    const now = this.#moves.get(row.id)?.status ?? row.status
    const status = advance(now, heard.status)
    if (status === now) return
    if (now === 'pending') this.settled++
    this.#move(row, status)
    const message: StoredMessage = { ...storedMessage(row), status, error: null }
    const of = { tenantId: row.tenantId, instanceId: row.instanceId, about: row.id, subject: message }
    const data = messageStatus(message)
    this.#tell({ ...of, type: 'message.status', data, passed: passed(now, status) })
    if (status === 'read') this.#tell({ ...of, type: 'message.read', data: messageRead(message, heard.reader!) })
  }

  #move({ id, version, chatId }: ReadRow, status: MessageStatus): void {
    const steps = this.#moves.get(id)?.steps ?? ''
    const step = stepText({ kind: status as StepKind, at: this.#app.clock.now(), node: this.#app.node.id })
    this.#moves.set(id, { id, version, chatId, status, steps: steps + step })
  }

  #tell(fact: Parameters<typeof draftOf>[1]): void {
    this.drafts.push(draftOf(this.#app.clock, fact))
  }
}
