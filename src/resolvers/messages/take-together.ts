import type { App } from '../../context.ts'
import { type ReadRow, readSent, takeAnswers } from '../../db/queries/answered.ts'
import { recordedOf } from '../../events/record.ts'
import { messageChanged, receiptHeard } from '../../telemetry/spans.ts'
import type { AnswerNews } from '../../whatsapp/whatsapp.ts'
import { Moves } from './moves.ts'
import { personOf } from './person.ts'
import { settled } from './settled.ts'

/** How many answers are taken at once, and what a receipt is about many messages of is as many. */
export const TOGETHER_MAX = 200
/** For what one instance is held by: meanwhile the answers of all others wait, and those of them whose turn it was keep their own held. */
export const TOGETHER_WAIT_MS = 250

/** About one message: a receipt may be about many. */
export interface Heard {
  instanceId: string
  whatsappId: string
  answer: AnswerNews
}

/**
 * Takes the usual answers, about messages to a person: reads all of them with one statement and writes them with another.
 * Answers, of each part, what is left to be taken one by one. Null: nothing of the part was taken, and it should be tried
 * without the others. A part is of one instance. For what somebody holds it waits so long; null: as long as any statement
 * does, and there is no other try.
 */
export async function takeTogether(app: App, parts: Heard[][], waitMs: number | null): Promise<(Heard[] | null)[]> {
  try {
    return await taken(app, parts, waitMs)
  } catch (cause) {
    const count = parts.flat().length
    app.log.warn({ err: cause, instances: parts.length, count }, 'answers could not be taken together')
    return parts.map(heard => (waitMs === null ? heard : null))
  }
}

async function taken(app: App, parts: Heard[][], waitMs: number | null): Promise<(Heard[] | null)[]> {
  const rows = await rowsOf(app, parts.flat())
  const sorted = parts.map(heard => sort(heard, rows))
  const all = sorted.flatMap(({ usual }) => usual)
  const stale = await write(app, all, waitMs)
  for (const { row } of all) if (!stale.has(row.instanceId)) settled(app, row)
  return sorted.map(({ instanceId, known, unusual }) => {
    if (!stale.has(instanceId)) return unusual
    return waitMs === null ? known : null
  })
}

const nameOf = ({ instanceId, whatsappId }: Pick<Heard, 'instanceId' | 'whatsappId'>) => `${instanceId} ${whatsappId}`

async function rowsOf(app: App, heard: Heard[]): Promise<Map<string, ReadRow[]>> {
  const named = new Map(heard.map(each => [nameOf(each), each]))
  return Map.groupBy(await readSent(app.db.sql, [...named.values()]), nameOf)
}

interface About {
  row: ReadRow
  answer: AnswerNews
}

interface Sorted {
  instanceId: string
  known: Heard[]
  usual: About[]
  unusual: Heard[]
}

/** All that is about one message goes the same way. */
function sort(heard: Heard[], rows: Map<string, ReadRow[]>): Sorted {
  const of = (each: Heard) => rows.get(nameOf(each)) ?? []
  const known = heard.filter(each => of(each).length > 0)
  const odd = new Set(known.filter(each => !of(each).every(row => isUsual(row, each.answer))).map(nameOf))
  const unusual = known.filter(each => odd.has(nameOf(each)))
  const usual = known
    .filter(each => !odd.has(nameOf(each)))
    .flatMap(each => of(each).map(row => ({ row, answer: each.answer })))
  return { instanceId: heard[0]!.instanceId, known, usual, unusual }
}

/** In a group each reader counts; what is no message of its own changes another; what is refused gives its quota back. */
const isUsual = (row: ReadRow, answer: AnswerNews): boolean =>
  row.actionOf === null && (answer.kind === 'ack' ? answer.errorCode === null : !row.chatId.endsWith('@g.us'))

/** Answers the instances of which something was not as it was read: nothing of them was written. */
async function write(app: App, all: About[], waitMs: number | null): Promise<Set<string>> {
  const readers = await readersOf(app, all)
  const moves = new Map(all.map(({ row: { instanceId } }) => [instanceId, new Moves(app)]))
  const written = Promise.withResolvers<void>()
  // Each is part of its own trace until all are written.
  let begun = 0
  const taking = all.map(about =>
    // Async, so that what it throws is a rejection for every kind of answer.
    inTrace(app, about, async () => {
      const { row, answer } = about
      const status = answer.kind === 'ack' ? 'sent' : answer.status
      moves.get(row.instanceId)!.take(row, { status, reader: readers.get(answer) ?? null })
      begun++
      return written.promise
    }),
  )
  const ended = Promise.allSettled(taking)
  try {
    if (begun < all.length) throw new Error('an answer could not be understood')
    const stale = await writeMoves(app, moves, waitMs)
    written.resolve()
    return stale
  } catch (error) {
    written.reject(error)
    throw error
  } finally {
    await ended
  }
}

async function writeMoves(app: App, moves: Map<string, Moves>, waitMs: number | null): Promise<Set<string>> {
  const moving = [...moves].filter(([, { drafts }]) => drafts.length > 0)
  if (moving.length === 0) return new Set()
  const rows = await takeAnswers(
    app.db.sql,
    moving.map(([instanceId, { moves, settled, drafts }]) => {
      return { instanceId, moves, settled, events: drafts.map(({ row }) => row) }
    }),
    waitMs,
  )
  for (const [instanceId, { drafts }] of moving) {
    const events = rows.get(instanceId)?.map((row, i) => recordedOf(drafts[i]!, row))
    app.bus.publish(...(events ?? []))
  }
  return new Set(moving.map(([instanceId]) => instanceId).filter(instanceId => !rows.has(instanceId)))
}

/** Who has read, of each receipt that says so. */
async function readersOf(app: App, all: About[]): Promise<Map<AnswerNews, string>> {
  const instances = new Map(all.map(({ row, answer }) => [answer, row.instanceId]))
  const found = [...instances].map(async ([answer, instanceId]) => {
    if (answer.kind === 'ack' || answer.status !== 'read') return []
    return [[answer, await personOf(app.db.sql, instanceId, answer.reader)] as const]
  })
  return new Map((await Promise.all(found)).flat())
}

function inTrace(app: App, { row, answer }: About, work: () => Promise<void>): Promise<void> {
  const { id, trace, instanceId } = row
  const change = () => messageChanged({ id, trace, error: null }, work)
  if (answer.kind === 'ack') return change()
  return receiptHeard({ instanceId, messageId: id, node: app.node.id, trace, status: answer.status }, change)
}
