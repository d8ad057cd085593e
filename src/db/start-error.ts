/** Why the database could not be started: one line, written for the person who starts the server. */
export class DatabaseStartError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options)
    this.name = 'DatabaseStartError'
  }
}

/** The part of pino's logger that this room speaks to. */
export interface DatabaseLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}
