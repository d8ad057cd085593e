/**
 * OpenTelemetry's API, for this house: spans around work, and the `traceparent` under which another process goes on
 * with it. Where an operator has loaded no SDK (docs/tracing.md) nothing is begun, and `activeTrace` is null.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type ProxyTracerProvider,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import { ApiError } from '../errors.ts'

export const tracer = trace.getTracer('wataki')

export interface Begun {
  /** One of few: what differs from one to the next stands in attributes. */
  name: string
  kind: SpanKind
  /** Ids of the house and words of its own: never what somebody wrote, a key, a URL or a number of a phone. */
  attributes: Attributes
  /** A `traceparent`; null begins a trace. Left out: the span that is active. */
  parent?: string | null
}

/** What `work` begins belongs to the span, which ends with it. */
export async function within<T>({ parent, ...begun }: Begun, work: (span: Span) => Promise<T>): Promise<T> {
  const from = parent === undefined ? context.active() : contextOf(parent)
  const span = tracer.startSpan(begun.name, begun, from)
  try {
    return await inside(span, () => work(span), from)
  } catch (error) {
    failed(span, error instanceof ApiError ? error.code : error instanceof Error ? error.name : typeof error)
    throw error
  } finally {
    span.end()
  }
}

export const inside = <T>(span: Span, work: () => T, from: Context = ROOT_CONTEXT): T =>
  context.with(trace.setSpan(from, span), work)

/** Never with the words of an error: they may quote anything. */
export function failed(span: Span, type: string): void {
  span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR })
}

/** As part of nothing: for work that goes on for longer than what has begun it, or for others, too. */
export const detached = <T>(work: () => T): T => context.with(ROOT_CONTEXT, work)

/** Keeps what is active now for when `work` is called. */
export const bound = <T>(work: T): T => context.bind(context.active(), work)

export const activeSpan = (): Span | null => trace.getActiveSpan() ?? null

export const isTraced = (span: Span): boolean => isSpanContextValid(span.spanContext())

export function activeTrace(): string | null {
  const span = trace.getActiveSpan()
  return span ? traceOf(span) : null
}

export function traceOf(span: Span): string | null {
  if (!isTraced(span)) return null
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}

export const activeTraceId = (): string | null => {
  const span = trace.getActiveSpan()
  return span && isTraced(span) ? span.spanContext().traceId : null
}

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

export function contextOf(traceparent: string | null): Context {
  const [, traceId, spanId, flags] = FORM.exec(traceparent ?? '') ?? []
  if (!traceId || !spanId) return ROOT_CONTEXT
  const traceFlags = Number.parseInt(flags!, 16)
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
}

/** As part of what a `traceparent` says; null: of nothing. */
export const inContext = <T>(traceparent: string | null, work: () => T): T => context.with(contextOf(traceparent), work)

/** How long an SDK may take to send what it has not sent yet. */
const FLUSH_MS = 2000

/** At the end of the process. */
export async function flushTraces(): Promise<void> {
  const provider = trace.getTracerProvider() as Partial<ProxyTracerProvider>
  const sdk = provider.getDelegate?.() as { forceFlush?: () => Promise<void> } | undefined
  if (!sdk?.forceFlush) return
  await Promise.race([sdk.forceFlush(), sleep(FLUSH_MS, undefined, { ref: false })])
}

/** What a caller says their request is part of, in whatever form the operator has chosen. */
export const contextIn = (headers: object): Context => propagation.extract(ROOT_CONTEXT, headers)
