/**
 * What happened, for the operator. It owns what may stand in a line and in what form: never a secret, a message text
 * or a full phone number. It refuses to know what any of it means.
 */
import { type DestinationStream, type LogFn, type Logger, type LoggerOptions, pino } from 'pino'
import pretty from 'pino-pretty'
import { errorFacts } from './error-facts.ts'
import { allowed } from './fields.ts'
import { activeTraceId } from './trace.ts'

export type Log = Logger

export interface LogOptions {
  level: string
  /** JSON lines, as in production; else readable ones. */
  json: boolean
  /** Left out: stdout. */
  to?: DestinationStream
}

export function createLog({ level, json, to }: LogOptions): Log {
  const options: LoggerOptions = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: allowed },
    mixin() {
      const traceId = activeTraceId()
      return traceId === null ? {} : { traceId }
    },
    serializers: { err: errorFacts },
    hooks: {
      // Without a sentence pino takes the error's own words, as they are.
      logMethod(args: Parameters<LogFn>, write: LogFn) {
        const [fields, sentence] = args as [unknown, unknown]
        if (sentence !== undefined || typeof fields === 'string') write.apply(this, args)
        else write.call(this, fields instanceof Error ? { err: fields } : (fields as object), 'without a sentence')
      },
    },
  }
  if (json) return to ? pino(options, to) : pino(options)
  return pino(
    options,
    pretty({ translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', singleLine: true, sync: true, destination: to }),
  )
}
