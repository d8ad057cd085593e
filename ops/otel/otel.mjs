// Loaded before a server: `NODE_OPTIONS='--import ./ops/otel/otel.mjs' npm start`. Sends its traces by OTLP over HTTP.
// docs/tracing.md says what to install, and which variables are read.

// NODE_OPTIONS reaches npm, the set-up and every child, too: only servers have traces.
if (process.argv[1]?.endsWith('/src/main.ts')) await begin()

async function begin() {
  const { context, propagation, trace } = await import('@opentelemetry/api')
  const { AsyncLocalStorageContextManager } = await import('@opentelemetry/context-async-hooks')
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core')
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http')
  const { defaultResource, detectResources, envDetector, resourceFromAttributes } = await import(
    '@opentelemetry/resources'
  )
  const { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler, TracerProvider } = await import(
    '@opentelemetry/sdk-trace'
  )

  // Of the traces that begin here; one that a caller has begun goes as the caller says.
  const share = Number(process.env.OTEL_TRACES_SAMPLER_ARG ?? 1)
  const named = resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME ?? 'wataki' })
  const resource = defaultResource()
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(named)
  // Where to stands in OTEL_EXPORTER_OTLP_ENDPOINT, and what to say there in OTEL_EXPORTER_OTLP_HEADERS.
  const processor = new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) })

  trace.setGlobalTracerProvider(new TracerProvider({ resource, sampler, spanProcessors: [processor] }))
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  propagation.setGlobalPropagator(new W3CTraceContextPropagator())
}
