import type { App } from '../../context.ts'
import { releaseLease } from '../../db/queries/leases.ts'
import { startSession } from '../instances/startSession.ts'
import { askPhone } from '../media/askPhone.ts'

/**
 * What only the node can do that has the session. Arguments and results are JSON. Each may be done twice: the one who
 * asks may ask again when it does not know what became of it.
 */
export const COMMANDS = {
  /** False: the instance is gone. */
  start: (app: App, instanceId: string, _: object) => startSession(app, instanceId),
  /** Closes the socket and keeps the link. */
  stop: async (app: App, instanceId: string, _: object) => {
    await app.whatsapp.stop(instanceId)
    await releaseLease(app.db.sql, { instanceId, owner: app.node.id })
  },
  unlink: async (app: App, instanceId: string, _: object) => {
    await app.whatsapp.unlink(instanceId)
    app.lanes.connect(instanceId, null)
  },
  configure: async (app: App, instanceId: string, options: { autoReconnect: boolean }) =>
    app.whatsapp.configure(instanceId, options),
  pairingCode: (app: App, instanceId: string, { phone }: { phone: string }) =>
    app.whatsapp.pairingCode(instanceId, phone),
  presence: (app: App, instanceId: string, presence: Parameters<App['whatsapp']['presence']>[1]) =>
    app.whatsapp.presence(instanceId, presence),
  lookUp: (app: App, instanceId: string, { phones }: { phones: string[] }) => app.whatsapp.lookUp(instanceId, phones),
  askPhone,
}

export type Kind = keyof typeof COMMANDS
export type ArgsOf<K extends Kind> = Parameters<(typeof COMMANDS)[K]>[2]
export type ResultOf<K extends Kind> = Awaited<ReturnType<(typeof COMMANDS)[K]>>

/** Longer than any of them takes. */
export const LIFE_MS: Record<Kind, number> = {
  start: 15_000,
  stop: 20_000,
  unlink: 20_000,
  configure: 15_000,
  pairingCode: 30_000,
  presence: 20_000,
  lookUp: 30_000,
  askPhone: 40_000,
}
