import type { App } from '../../context.ts'
import { type ReadRow, readSent, takeAnswers } from '../../db/queries/answered.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { recordedOf } from '../../events/record.ts'
import { messageChanged, receiptHeard } from '../../telemetry/spans.ts'
import type { AnswerNews } from '../../whatsapp/whatsapp.ts'
import { answerOne } from './answer-one.ts'
import { Moves } from './moves.ts'
import { personOf } from './person.ts'
import { settled } from './settled.ts'

/** About one message: a receipt may be about many. */
interface Heard {
  answer: AnswerNews
  whatsappId: string
}

/**
 * Acks and receipts of one instance, in the order in which they came: what waited while those before were written. The
 * usual ones, about messages to a person, are read with one statement and written with another; what is not, or was
 * changed in between, goes one after another.
 */
export async function onAnswers(app: App, instanceId: string, answers: AnswerNews[]): Promise<void> {
  const heard = answers.flatMap(answer => idsOf(answer).map(whatsappId => ({ answer, whatsappId })))
  const left = await together(app, instanceId, heard).catch(cause => {
    app.log.warn({ err: cause, instanceId, count: heard.length }, 'answers could not be taken together')
    return heard
  })
  for (const { answer, whatsappId } of left) {
    const one = answer.kind === 'ack' ? answer : { ...answer, whatsappIds: [whatsappId] }
    await answerOne(app, instanceId, one).catch(cause =>
      app.log.error({ err: cause, instanceId }, 'an answer could not be taken'),
    )
  }
}

const idsOf = (answer: AnswerNews): string[] => (answer.kind === 'ack' ? [answer.whatsappId] : answer.whatsappIds)

/** Answers what is left to be taken one by one. */
async function together(app: App, instanceId: string, heard: Heard[]): Promise<Heard[]> {
  const rows = await readSent(app.db.sql, instanceId, [...new Set(heard.map(({ whatsappId }) => whatsappId))])
  const of = (whatsappId: string) => rows.filter(row => row.whatsappId === whatsappId)
  const known = heard.filter(({ whatsappId }) => of(whatsappId).length > 0)
  const unusual = new Set(known.filter(each => !of(each.whatsappId).every(row => isUsual(row, each.answer))).map(idOf))
  const usual = known.filter(each => !unusual.has(each.whatsappId))
  const all = usual.flatMap(({ whatsappId, answer }) => of(whatsappId).map(row => ({ row, answer })))
  if (!(await taken(app, instanceId, all))) return known
  for (const { row } of all) settled(app, row)
  return known.filter(each => unusual.has(each.whatsappId))
}

const idOf = ({ whatsappId }: Heard): string => whatsappId

/** In a group each reader counts; what is no message of its own changes another; what is refused gives its quota back. */
const isUsual = (row: ReadRow, answer: AnswerNews): boolean =>
  row.actionOf === null && (answer.kind === 'ack' ? answer.errorCode === null : !row.chatId.endsWith('@g.us'))

interface About {
  row: ReadRow
  answer: AnswerNews
}

/** False: something was not as it was read, and nothing was written. */
async function taken(app: App, instanceId: string, all: About[]): Promise<boolean> {
  const readers = await Promise.all(all.map(({ answer }) => readerOf(app, instanceId, answer)))
  const moves = new Moves(app)
  const written = Promise.withResolvers<void>()
  // Each is part of its own trace until all are written.
  let begun = 0
  const taking = all.map((about, i) =>
    inTrace(app, about, () => {
      const { row, answer } = about
      moves.take(row, { status: answer.kind === 'ack' ? 'sent' : answer.status, reader: readers[i]! })
      begun++
      return written.promise
    }),
  )
  const ended = Promise.allSettled(taking)
  try {
    if (begun < all.length) throw new Error('an answer could not be understood')
    const events = await write(app, instanceId, moves)
    written.resolve()
    app.bus.publish(...(events ?? []))
    return events !== null
  } catch (error) {
    written.reject(error)
    throw error
  } finally {
    await ended
  }
}

async function write(app: App, instanceId: string, { drafts, moves, settled }: Moves): Promise<HouseEvent[] | null> {
  if (drafts.length === 0) return []
  const { tenantId } = drafts[0]!.event
  const events = drafts.map(({ row }) => row)
  const rows = await takeAnswers(app.db.sql, { tenantId, instanceId, moves, settled, events })
  return rows && drafts.map((draft, i) => recordedOf(draft, rows[i]!))
}

const readerOf = async (app: App, instanceId: string, answer: AnswerNews): Promise<string | null> =>
  answer.kind === 'receipt' && answer.status === 'read' ? personOf(app.db.sql, instanceId, answer.reader) : null

function inTrace(app: App, { row, answer }: About, work: () => Promise<void>): Promise<void> {
  const { id, trace, instanceId } = row
  const change = () => messageChanged({ id, trace, error: null }, work)
  if (answer.kind === 'ack') return change()
  return receiptHeard({ instanceId, messageId: id, node: app.node.id, trace, status: answer.status }, change)
}
