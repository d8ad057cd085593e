/** What the line of a request costs, in µs, over what the test itself costs: `npm run bench -- log`. */
import { EventEmitter } from 'node:events'
import { openSync } from 'node:fs'
import { pino } from 'pino'
import { createLog, type Log } from '../src/telemetry/log.ts'
import { logRequest } from '../src/telemetry/request.ts'
import { median } from './support/measure.ts'
import { report } from './support/results.ts'

const ROUNDS = 7
const LINES = 200_000
const to = pino.destination({ fd: openSync('/dev/null', 'w'), sync: true })

function costUs(log: Log | null): number {
  const start = process.hrtime.bigint()
  for (let i = 0; i < LINES; i++) {
    const res = Object.assign(new EventEmitter(), { headersSent: true, statusCode: 200, writableFinished: true })
    const ctx = {
      log,
      requestId: 'req_01m84k41q5bzehev0j4g4kfb1t',
      facts: { route: '/v1/instances/{instance_id}' },
      caller: { tenantId: 'ten_01m84k41q5bzehev0j4g4kfb1t' },
    }
    if (log) logRequest({ req: { method: 'GET' }, res, ctx } as never)
    res.emit('close')
  }
  return Number(process.hrtime.bigint() - start) / LINES / 1000
}

const logs: [string, Log][] = [
  ['silent', createLog({ level: 'silent', json: true, to })],
  ['pino alone', pino({ base: undefined, timestamp: pino.stdTimeFunctions.isoTime }, to)],
  ['with the allow-list', createLog({ level: 'info', json: true, to })],
]
report(
  'log',
  logs.map(([name, log]) => {
    const costs = Array.from({ length: ROUNDS }, () => costUs(log) - costUs(null))
    return { log: name, 'µs a request': Number(median(costs).toFixed(2)) }
  }),
)
