import type { App } from '../../context.ts'
import type { MessageRow } from '../../db/queries/messages.ts'
import { messageAnswered } from '../../telemetry/spans.ts'

/** A row has had its answer from WhatsApp: its lane here may go on, and who waits for it, here or elsewhere, is told. */
export function settled(app: App, row: Pick<MessageRow, 'id' | 'instanceId' | 'actionOf'>): void {
  app.lanes.landed(row.instanceId, row.id)
  app.lanes.settled(row.id)
  messageAnswered(row.id)
  // Of a message of its own its event tells.
  if (row.actionOf) app.relay.tell(['settled', row.id])
}
