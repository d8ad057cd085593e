import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { until } from './app.ts'

/** An SDK as an operator loads it, whose spans stay in memory. Of a whole process: for a test file that runs alone. */
export interface Traced {
  /** All that have ended. */
  readonly all: ReadableSpan[]
  of(traceId: string): Node[]
  /** Once those that are asked for have ended. */
  when(traceId: string, names: string[]): Promise<Node[]>
  close(): Promise<void>
}

/** A span with the name of its parent; null: the parent is another process's. */
export interface Node {
  name: string
  parent: string | null
  span: ReadableSpan
}

export function traced(): Traced {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
  const of = (traceId: string): Node[] => {
    const spans = exporter.getFinishedSpans().filter(span => span.spanContext().traceId === traceId)
    const names = new Map(spans.map(span => [span.spanContext().spanId, span.name]))
    return spans.map(span => ({
      name: span.name,
      parent: names.get(span.parentSpanContext?.spanId ?? '') ?? null,
      span,
    }))
  }
  return {
    get all() {
      return exporter.getFinishedSpans()
    },
    of,
    async when(traceId, names) {
      const missing = () => {
        const left = of(traceId).map(node => node.name)
        return names.filter(name => {
          const at = left.indexOf(name)
          if (at >= 0) left.splice(at, 1)
          return at < 0
        })
      }
      await until(missing, still => still.length === 0)
      return of(traceId)
    },
    async close() {
      await provider.shutdown()
      trace.disable()
      context.disable()
      propagation.disable()
    },
  }
}
