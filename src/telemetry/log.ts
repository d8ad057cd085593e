/**
 * What happened, for the operator. It owns what may stand in a line and in what form: never a secret, a message text
 * or a full phone number. It refuses to know what any of it means.
 */
import { type DestinationStream, type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import { errorFacts } from './error-facts.ts'
import { allowed } from './fields.ts'

export type Log = Logger

export interface LogOptions {
  level: string
  /** JSON lines, as in production; else readable ones. */
  json: boolean
  /** Left out: stdout. */
  to?: DestinationStream
}

export function createLog({ level, json, to }: LogOptions): Log {
  const options = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { log: allowed },
    serializers: { err: errorFacts },
  }
  if (json) return to ? pino(options, to) : pino(options)
  return pino(options, pretty({ translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', sync: true, destination: to }))
}
