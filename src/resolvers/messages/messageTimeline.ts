import { type Context, tenantOf } from '../../context.ts'
import {
  findWay,
  type MessageWay,
  type Receipts,
  receiptsOf,
  statusEvents,
  type WebhookTry,
  webhookTries,
} from '../../db/queries/timeline.ts'
import { STEPS_MAX } from '../../db/queries/trail.ts'
import { notFound } from '../../errors.ts'
import type { MessageError } from './shape.ts'
import { type Step, type StepKind, stepsIn } from './trail.ts'

export type EntryKind = StepKind | 'webhook_attempt'

export interface TimelineEntry {
  kind: EntryKind
  at: Date
  /** Null: not known. */
  node: string | null
  error: MessageError | null
  webhook: WebhookTry | null
}

export interface Timeline extends Pick<MessageWay, 'whatsappId' | 'dispatches'> {
  messageId: string
  /** Null: it is in no group. */
  receipts: Receipts | null
  isCut: boolean
  data: TimelineEntry[]
}

export const WEBHOOK_ATTEMPTS_MAX = 200
export const READERS_MAX = 20
const STATES_MAX = 4

/** Where a message has been, and who did it when. */
export async function messageTimeline(
  ctx: Context,
  args: { instanceId: string; messageId: string },
): Promise<Timeline> {
  const tenantId = tenantOf(ctx)
  const { sql } = ctx.db
  const way = await findWay(sql, { tenantId, ...args })
  if (!way) throw notFound('message')
  const of = { tenantId, ...args }
  const told = await statusEvents(sql, { ...of, limit: STATES_MAX })
  const tries = await webhookTries(sql, { ...of, limit: WEBHOOK_ATTEMPTS_MAX + 1 })
  const receipts = way.isGroup ? await receiptsOf(sql, { ...args, limit: READERS_MAX }) : null
  const steps = stepsIn(way.trail)
  const entries = [
    ...[...steps, ...missingSteps(way, steps, told)].map(step => entryOf(step, way)),
    ...tries.slice(0, WEBHOOK_ATTEMPTS_MAX).map(attemptOf),
  ]
  return {
    messageId: way.id,
    whatsappId: way.whatsappId,
    dispatches: way.dispatches,
    receipts,
    isCut: steps.length >= STEPS_MAX || tries.length > WEBHOOK_ATTEMPTS_MAX,
    data: inOrder(entries),
  }
}

/** What the row and the events say of a message that a server of an earlier version had to do with. */
function missingSteps(way: MessageWay, steps: Step[], told: { at: Date; status: string }[]): Partial<Step>[] {
  const has = (kind: string) => steps.some(step => step.kind === kind)
  const begun = way.direction === 'inbound' ? 'stored' : 'accepted'
  const first = has('stored') || has('accepted') ? [] : [{ kind: begun as StepKind, at: way.createdAt }]
  const later = told.filter(({ status }) => !has(status))
  return [...first, ...later.map(({ at, status }) => ({ kind: status as StepKind, at }))]
}

const entryOf = ({ kind, at, node }: Partial<Step>, { errorCode, errorMessage }: MessageWay): TimelineEntry => ({
  kind: kind!,
  at: at!,
  node: node ?? null,
  error: kind === 'failed' && errorCode !== null ? { code: errorCode, message: errorMessage ?? '' } : null,
  webhook: null,
})

const attemptOf = (webhook: WebhookTry): TimelineEntry => ({
  kind: 'webhook_attempt',
  at: new Date(webhook.made.at),
  node: webhook.made.node ?? null,
  error: null,
  webhook,
})

/** In the same millisecond: as one thing leads to the other. */
const ORDER: EntryKind[] = [
  'accepted',
  'received',
  'stored',
  'dispatched',
  'postponed',
  'sent',
  'delivered',
  'read',
  'failed',
  'webhook_attempt',
]

/** Equals stay as they were: sorting is stable, and what comes in has an order that does not change. */
const inOrder = (entries: TimelineEntry[]): TimelineEntry[] =>
  entries.sort((a, b) => a.at.getTime() - b.at.getTime() || ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind))
