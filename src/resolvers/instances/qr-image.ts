import { toDataURL } from 'qrcode'

/** A PNG as a `data:` URL, black on white with the quiet zone that scanners need. */
export const qrImage = (qr: string): Promise<string> =>
  toDataURL(qr, { errorCorrectionLevel: 'L', margin: 4, width: 264 })
