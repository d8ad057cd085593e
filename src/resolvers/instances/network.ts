import type { App } from '../../context.ts'
import type { Network } from '../../whatsapp/whatsapp.ts'

/** Where the instance's WhatsApp is; null while the sandbox that it lives in is off. */
export const networkOf = (app: App, instance: { sandbox: boolean }): Network | null =>
  instance.sandbox ? app.networks.sandbox : app.networks.ordinary
