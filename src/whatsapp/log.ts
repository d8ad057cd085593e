import type { SocketConfig } from '@whiskeysockets/baileys'

/** The part of pino's logger that this room uses. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

const nothing = () => {}

/**
 * Baileys logs credentials, jids and whole messages as fields: only the fixed sentences of its errors get through.
 */
export function baileysLogger(log: Log, instanceId: string): SocketConfig['logger'] {
  const sentence = (_fields: unknown, message?: string) => log.debug({ instanceId, baileys: message }, 'baileys error')
  const logger: SocketConfig['logger'] = {
    level: 'silent',
    child: () => logger,
    trace: nothing,
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: sentence,
  }
  return logger
}
