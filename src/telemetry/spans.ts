import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Attributes, type Span, SpanKind } from '@opentelemetry/api'
import { LRUCache } from 'lru-cache'
import { systemClock } from '../clock.ts'
import type { Context } from '../context.ts'
import {
  activeSpan,
  contextIn,
  contextOf,
  failed,
  inContext,
  inside,
  isTraced,
  traceOf,
  tracer,
  within,
} from './trace.ts'

/** What a trace tells, one function for each fact. A message is one trace: from the request, or the socket, to the last webhook. */

/** A request, from its first line to the end of its answer. What the operator's own instrumentation has begun goes on. */
export function requestServed(
  { req, res, ctx }: { req: IncomingMessage; res: ServerResponse; ctx: Context },
  serve: () => void,
): void {
  const from = contextIn(req.headers)
  const begun = activeSpan()
  const span = begun ?? tracer.startSpan(req.method!, { kind: SpanKind.SERVER }, from)
  if (!isTraced(span)) {
    serve()
    return
  }
  res.once('close', () => {
    const { route, operations, refusal } = ctx.facts
    const status = res.headersSent ? res.statusCode : 0
    if (route) span.updateName(`${req.method} ${route}`)
    span.setAttributes({
      'http.request.method': req.method,
      'http.route': route,
      'http.response.status_code': status || undefined,
      'wataki.request.id': ctx.requestId,
      'wataki.tenant.id': ctx.caller?.tenantId,
      'wataki.operations': operations,
      'error.type': refusal?.code,
    })
    if (status >= 500) failed(span, refusal?.code ?? String(status))
    if (!begun) span.end()
  })
  if (begun) serve()
  else inside(span, serve, from)
}

interface OfMessage {
  instanceId: string
  messageId: string
  /** The server that does it. */
  node: string
}

const attributesOf = ({ instanceId, messageId, node }: OfMessage): Attributes => ({
  'messaging.system': 'whatsapp',
  'messaging.message.id': messageId,
  'wataki.instance.id': instanceId,
  'wataki.node.id': node,
})

/** A message, or what is to be done to one, becomes a promise. Later steps are children of this one. */
export const messageAccepted = <T>(of: OfMessage, work: () => Promise<T>): Promise<T> =>
  within({ name: 'message accept', kind: SpanKind.PRODUCER, attributes: attributesOf(of) }, work)

/** Something came by the socket; its trace begins here. */
export const messageReceived = <T>({ instanceId }: { instanceId: string }, work: () => Promise<T>): Promise<T> =>
  within(
    {
      name: 'message receive',
      kind: SpanKind.CONSUMER,
      attributes: { 'messaging.system': 'whatsapp', 'wataki.instance.id': instanceId },
      parent: null,
    },
    work,
  )

/** What came becomes a message, or a part of one. */
export const messageStored = <T>(
  { instanceId, node, trace }: { instanceId: string; node: string; trace: string | null },
  work: () => Promise<T>,
): Promise<T> =>
  within(
    {
      name: 'message store',
      kind: SpanKind.INTERNAL,
      attributes: { 'messaging.system': 'whatsapp', 'wataki.instance.id': instanceId, 'wataki.node.id': node },
      parent: trace,
    },
    work,
  )

/** Written to the socket, until WhatsApp answers; or for so long as an answer makes any sense. */
const onWire = new LRUCache<string, Span>({
  max: 5000,
  ttl: 120_000,
  ttlAutopurge: true,
  dispose(span, _, reason) {
    if (reason !== 'delete') failed(span, 'no_ack')
    span.end()
  },
})

interface Dispatch extends OfMessage {
  trace: string | null
  /** Since it was due. */
  waitedMs: number
  attempt: number
}

/** One try to hand a message to WhatsApp, after it has waited. What comes of it later is part of the same span. */
export async function messageSent<Outcome extends { kind: string; code?: string }>(
  { trace, waitedMs, attempt, ...of }: Dispatch,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const parent = contextOf(trace)
  const attributes = { ...attributesOf(of), 'wataki.attempt': attempt }
  const nowMs = systemClock.nowMs()
  const wait = { kind: SpanKind.INTERNAL, attributes, startTime: nowMs - Math.max(0, waitedMs) }
  tracer.startSpan('message wait', wait, parent).end(nowMs)
  const span = tracer.startSpan('message send', { kind: SpanKind.CLIENT, attributes }, parent)
  if (!span.isRecording()) return inside(span, work, parent)
  onWire.set(of.messageId, span)
  try {
    const outcome = await inside(span, work, parent)
    // Its answer may have come meanwhile.
    if (onWire.get(of.messageId) !== span) return outcome
    if (outcome.kind === 'written') span.addEvent('written')
    else failed(span, outcome.code ?? outcome.kind)
    // Of what is refused its row will tell.
    if (outcome.kind !== 'written' && outcome.kind !== 'rejected') onWire.delete(of.messageId)
    return outcome
  } catch (error) {
    failed(span, 'error')
    onWire.delete(of.messageId)
    throw error
  }
}

/** WhatsApp has answered, or nobody waits for that any more. */
export const messageAnswered = (messageId: string): void => void onWire.delete(messageId)

/** What changes a message is part of what is under way; else of its being on the wire; else of its trace. `error`: why it failed. */
export function messageChanged<T>(
  { id, trace, error }: { id: string; trace: string | null; error: string | null },
  work: () => Promise<T>,
): Promise<T> {
  const sent = onWire.get(id)
  if (sent && error !== null) failed(sent, error)
  if (activeSpan()) return work()
  return sent ? inside(sent, work) : inContext(trace, work)
}

/** The receiver's phone has the message, or somebody has read it. */
export const receiptHeard = <T>(
  { trace, status, ...of }: OfMessage & { trace: string | null; status: string },
  work: () => Promise<T>,
): Promise<T> =>
  within(
    {
      name: 'message receipt',
      kind: SpanKind.CONSUMER,
      attributes: { ...attributesOf(of), 'wataki.receipt': status },
      parent: trace,
    },
    work,
  )

interface Attempt {
  trace: string | null
  deliveryId: string
  webhookId: string
  eventId: string
  event: string
  instanceId: string
  node: string
  /** From 0. */
  attempt: number
}

/** One request to a receiver, who is told the `traceparent`. Where to is not said: the URL may be a secret. */
export const webhookPosted = <Outcome extends { kind: string; statusCode?: number; code?: string }>(
  of: Attempt,
  work: (traceparent: string | null) => Promise<Outcome>,
): Promise<Outcome> =>
  within(
    {
      name: 'POST webhook',
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': 'POST',
        'http.request.resend_count': of.attempt || undefined,
        'wataki.delivery.id': of.deliveryId,
        'wataki.webhook.id': of.webhookId,
        'wataki.event.id': of.eventId,
        'wataki.event.type': of.event,
        'wataki.instance.id': of.instanceId,
        'wataki.node.id': of.node,
      },
      parent: of.trace,
    },
    async span => {
      const outcome = await work(traceOf(span))
      const { statusCode, code } = outcome
      if (statusCode !== undefined) span.setAttribute('http.response.status_code', statusCode)
      if (code !== undefined || (statusCode ?? 0) >= 300) failed(span, code ?? String(statusCode))
      return outcome
    },
  )
