import type { App } from '../../context.ts'
import type { OutboundMedia } from '../../whatsapp/whatsapp.ts'
import type { StoredMessage } from '../messages/shape.ts'
export async function mediaToSend(_app: App, _message: StoredMessage): Promise<OutboundMedia | null> {
  return null
}
