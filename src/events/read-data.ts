import type { EventData } from './catalogue.ts'

/** What a kept event says, back in the house's own spelling. */

export const statusIn = (data: EventData['connection.update']) => ({
  state: data.state,
  lastError: data.last_error,
  updatedAt: new Date(data.updated_at),
})

export const qrIn = (data: EventData['qr.updated']) => ({
  qr: data.qr,
  qrImageDataUrl: data.qr_image_data_url,
  expiresAt: new Date(data.expires_at),
})
