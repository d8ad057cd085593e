import type { Instance } from '../../db/entities/instance.ts'
import { instanceNotConnected } from '../../errors.ts'
import type { InstanceState } from '../../whatsapp/whatsapp.ts'

/** As it was read: who changes it changes the row. */
export type StoredInstance = Readonly<Instance>

export interface InstanceConfig {
  autoReconnect: boolean
  downloadMedia: boolean
  emitRaw: boolean
}

export interface InstanceStatus {
  state: InstanceState
  lastError: string | null
  updatedAt: Date
  /** In a subscription: the event that brought it. */
  eventId?: string
}

export interface ConnectResult {
  status: InstanceStatus
  qr: string | null
  qrImageDataUrl: string | null
  pairingCode: string | null
}

export interface QrUpdate {
  qr: string
  qrImageDataUrl: string
  expiresAt: Date
  /** In a subscription: the event that brought it. */
  eventId?: string
}

export const configOf = (instance: StoredInstance): InstanceConfig => ({
  autoReconnect: instance.autoReconnect,
  downloadMedia: instance.downloadMedia,
  emitRaw: instance.emitRaw,
})

export const statusOf = (instance: StoredInstance): InstanceStatus => ({
  state: instance.state as InstanceState,
  lastError: instance.lastError ?? null,
  updatedAt: instance.stateAt,
})

/** States in which a message may be accepted: it is sent now, or once the socket is up. */
const SENDABLE: ReadonlySet<string> = new Set<InstanceState>(['connecting', 'reconnecting', 'connected'])

export function assertSendable(state: string): void {
  if (!SENDABLE.has(state)) throw instanceNotConnected(state)
}
