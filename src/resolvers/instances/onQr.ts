import type { App } from '../../context.ts'
import { recordQr } from '../../db/queries/instances.ts'
import { qrUpdated } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import type { QrNews } from '../../whatsapp/whatsapp.ts'
import { qrImage } from './qr-image.ts'
import type { QrUpdate } from './shape.ts'

/** Keeps the newest code for `connect` and tells it to who listens. */
export async function onQr(app: App, instanceId: string, { qr, expiresAt, epoch }: QrNews): Promise<void> {
  const update: QrUpdate = { qr, qrImageDataUrl: await qrImage(qr), expiresAt }
  const event = await app.db.transaction(async sql => {
    const tenantId = await recordQr(sql, { instanceId, qr, expiresAt, epoch })
    if (!tenantId) return null
    return record(sql, app.clock, {
      type: 'qr.updated',
      tenantId,
      instanceId,
      about: instanceId,
      data: qrUpdated(update),
      subject: update,
    })
  })
  if (event) app.bus.publish(event)
}
