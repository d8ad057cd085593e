import type { App } from '../../context.ts'
import type { EventData, HouseEvent } from '../../events/catalogue.ts'
import type { InstanceState } from '../../whatsapp/whatsapp.ts'
import type { StoredMessage } from '../messages/shape.ts'

/** What was recorded here, for the operator's figures: each event once, after its commit. */
export function countEvent({ metrics, clock }: Pick<App, 'metrics' | 'clock'>, event: HouseEvent): void {
  switch (event.type) {
    case 'message.created': {
      const message = event.subject as StoredMessage
      // Otherwise it was sent by the phone itself, and was nothing that was accepted here.
      metrics.messages.reached(message.status === 'pending' ? 'accepted' : 'sent', message.content.type)
      return
    }
    case 'message.received':
      metrics.messages.reached('received', (event.subject as StoredMessage).content.type)
      return
    case 'message.status': {
      const { status, content, timestamp, error } = event.subject as StoredMessage
      for (const each of [...(event.passed ?? []), status]) {
        if (each === 'pending') continue
        metrics.messages.reached(each as Exclude<StoredMessage['status'], 'pending'>, content.type)
        if (each === 'sent') metrics.messages.acked(clock.nowMs() - timestamp.getTime())
      }
      if (status === 'failed') metrics.messages.failed(error?.code)
      return
    }
    case 'connection.update':
      metrics.sockets.changed((event.data as EventData['connection.update']).state as InstanceState)
      return
    case 'webhook.disabled':
      metrics.webhooks.disabled((event.data as EventData['webhook.disabled']).reason)
  }
}
