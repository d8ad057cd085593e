import { EventEmitter } from 'node:events'
import { context, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import {
  messageAccepted,
  messageAnswered,
  messageChanged,
  messageSent,
  receiptHeard,
  requestServed,
  webhookPosted,
} from '../src/telemetry/spans.ts'
import { activeTrace, activeTraceId } from '../src/telemetry/trace.ts'

/**
 * What tracing costs a message that is sent, delivered, read and told to one webhook four times: all calls that it
 * makes, over the same work without them. First without an SDK, then with one that throws its spans away.
 * `node bench/trace.ts`
 */

const ROUNDS = 7
const MESSAGES = 20_000

const id = '01m84k41q5bzehev0j4g4kfb1t'
const of = { instanceId: `inst_${id}`, messageId: `msg_${id}`, node: `node_${id}` }
const done = async () => ({ kind: 'written' })
const answered = async () => ({ kind: 'answered', statusCode: 200 })

async function traced(): Promise<void> {
  const res = Object.assign(new EventEmitter(), { headersSent: true, statusCode: 202 })
  const exchange = { req: { method: 'POST', headers: {} }, res, ctx: { facts: { route: '/v1/x' }, caller: null } }
  const served = Promise.withResolvers<unknown>()
  requestServed(exchange as never, () => served.resolve(messageAccepted(of, async () => activeTrace())))
  const at = ((await served.promise) ?? null) as string | null
  res.emit('close')
  // The line of the request.
  activeTraceId()
  const events = [at]
  await messageSent({ ...of, trace: at, waitedMs: 1, attempt: 1 }, done)
  await messageChanged({ id: of.messageId, trace: at, error: null }, async () => events.push(activeTrace()))
  messageAnswered(of.messageId)
  for (const status of ['delivered', 'read']) {
    await receiptHeard({ ...of, trace: at, status }, () =>
      messageChanged({ id: of.messageId, trace: at, error: null }, async () => events.push(activeTrace())),
    )
  }
  const delivery = { deliveryId: `del_${id}a`, webhookId: `whk_${id}`, eventId: `evt_${id}`, event: 'message.status' }
  for (const event of events) await webhookPosted({ ...of, ...delivery, trace: event, attempt: 0 }, answered)
}

/** The same promises. */
async function untraced(): Promise<void> {
  const res = new EventEmitter()
  const served = Promise.withResolvers<unknown>()
  served.resolve((async () => null)())
  await served.promise
  res.emit('close')
  await done()
  for (let i = 0; i < 3; i++) await (async () => null)()
  for (let i = 0; i < 4; i++) await answered()
}

async function costUs(work: () => Promise<void>): Promise<number> {
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < MESSAGES; i++) await work()
    costs.push(Number(process.hrtime.bigint() - start) / MESSAGES / 1000)
  }
  return costs.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!
}

const tell = async (what: string) =>
  console.log(`${what}: ${((await costUs(traced)) - (await costUs(untraced))).toFixed(2)} µs a message`)

await tell('without an SDK')
const exporter = {
  export: (_: unknown, settled: (result: { code: number }) => void) => settled({ code: 0 }),
  shutdown: async () => {},
}
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] }))
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
propagation.setGlobalPropagator(new W3CTraceContextPropagator())
await tell('with an SDK that sends nothing')
process.exit(0)
