import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** What happened, for the operator. Never a secret, a message text or a full phone number. */
export type Log = Logger

/** JSON lines in production, readable lines otherwise. */
export function createLog(options: { level: string; json: boolean }): Log {
  const base = { level: options.level, base: undefined, timestamp: pino.stdTimeFunctions.isoTime }
  if (options.json) return pino(base)
  return pino(base, pretty({ translateTime: 'HH:MM:ss.l', ignore: 'pid,hostname', sync: true }))
}
