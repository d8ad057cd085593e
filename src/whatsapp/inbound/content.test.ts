import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { unpackReference } from '../media/reference.ts'
import { contentOf, contextOf } from './content.ts'
import { rawOf } from './raw.ts'

const bytes = (length: number, fill = 7) => Buffer.alloc(length, fill)
const JPEG = Buffer.concat([Buffer.from([0xff, 0xd8]), bytes(100)])
const MEDIA = {
  mimetype: 'image/jpeg',
  fileLength: 12_345,
  fileSha256: bytes(32, 1),
  mediaKey: bytes(32, 2),
  directPath: '/v/x',
  url: 'https://mmg.whatsapp.net/v/x',
}
/** As it comes from the wire: with numbers of 64 bits. */
const wire = (message: proto.IMessage) => proto.Message.decode(proto.Message.encode(message).finish())
const media = (message: proto.IMessage) => {
  const content = contentOf(wire(message))
  if (!content || !('media' in content)) throw new Error('no media')
  return content.media
}

test('every kind of media comes out of its wrappers, with all that the sender says of it', () => {
  const image = { imageMessage: { ...MEDIA, caption: 'look', jpegThumbnail: JPEG } }
  for (const message of [
    image,
    { ephemeralMessage: { message: image } },
    { viewOnceMessageV2: { message: image } },
    { deviceSentMessage: { destinationJid: 'x@lid', message: { ephemeralMessage: { message: image } } } },
  ]) {
    expect(contentOf(wire(message))).toMatchObject({
      type: 'image',
      caption: 'look',
      media: { mimeType: 'image/jpeg', sizeBytes: 12_345, sha256: bytes(32, 1), thumbnail: JPEG, filename: null },
    })
  }
  expect(contentOf({ videoMessage: { ...MEDIA, mimetype: 'video/mp4', seconds: 3 } })).toMatchObject({
    type: 'video',
    caption: null,
    media: { seconds: 3 },
  })
  expect(contentOf({ ptvMessage: MEDIA })).toMatchObject({ type: 'video' })
  expect(contentOf({ audioMessage: { ...MEDIA, mimetype: 'audio/ogg; codecs=opus', ptt: true } })).toMatchObject({
    type: 'audio',
    ptt: true,
    media: { mimeType: 'audio/ogg; codecs=opus' },
  })
  expect(contentOf({ lottieStickerMessage: { message: { stickerMessage: MEDIA } } })).toMatchObject({ type: 'sticker' })
  const document = { documentMessage: { ...MEDIA, caption: 'read', fileName: 'a.pdf' } }
  expect(contentOf({ documentWithCaptionMessage: { message: document } })).toMatchObject({
    type: 'document',
    caption: 'read',
    media: { filename: 'a.pdf' },
  })
})

test('the reference has what the bytes are opened with', () => {
  expect(unpackReference(media({ stickerMessage: MEDIA }).reference)).toEqual({
    kind: 'sticker',
    directPath: '/v/x',
    url: 'https://mmg.whatsapp.net/v/x',
    mediaKey: bytes(32, 2),
    sha256: bytes(32, 1),
    sizeBytes: 12_345,
  })
})

test('what a stranger says of media cannot reach beyond its field', () => {
  const named = (fileName: string) => media({ documentMessage: { ...MEDIA, fileName } }).filename
  expect(named('../../etc/passwd')).toBe('passwd')
  expect(named('a\\..\\b.txt')).toBe('b.txt')
  expect(named('x\r\nSet-Cookie: a=b\0.txt')).toBe('xSet-Cookie: a=b.txt')
  expect(named('photo\u202Egpj.exe')).toBe('photogpj.exe')
  expect(named('..')).toBe(null)
  expect([...named('x'.repeat(1000))!]).toHaveLength(255)
  const typed = (mimetype: string) => media({ imageMessage: { ...MEDIA, mimetype } }).mimeType
  for (const bad of ['text/html\r\nX: y', 'nothing', `a/${'b'.repeat(300)}`, 'a/b; c="d\n"'])
    expect(typed(bad)).toBe('application/octet-stream')
  const image = (change: proto.Message.IImageMessage) => media({ imageMessage: { ...MEDIA, ...change } })
  expect(image({ jpegThumbnail: Buffer.from('<svg>') }).thumbnail).toBe(null)
  expect(image({ jpegThumbnail: Buffer.concat([JPEG, bytes(65_536)]) }).thumbnail).toBe(null)
  expect(image({ fileSha256: bytes(5) }).sha256).toBe(null)
  expect(image({ fileLength: Number.MAX_SAFE_INTEGER + 2 }).sizeBytes).toBe(0)
})

test('places and people', () => {
  const place = { degreesLatitude: -23.5, degreesLongitude: -46.6, name: 'Sé', address: 'Praça' }
  const expected = { type: 'location', latitude: -23.5, longitude: -46.6, name: 'Sé', address: 'Praça' }
  expect(contentOf({ locationMessage: place })).toEqual(expected)
  expect(
    contentOf({ liveLocationMessage: { degreesLatitude: 1, degreesLongitude: 2, caption: 'here' } }),
  ).toMatchObject({ type: 'location', name: 'here', address: null })
  expect(contentOf({ locationMessage: { degreesLatitude: Number.NaN, degreesLongitude: 1 } })).toMatchObject({
    type: 'unsupported',
  })
  const vcard = 'BEGIN:VCARD\nFN:Bob\nTEL;waid=5511988880001:+55 11 98888-0001\nEND:VCARD'
  expect(contentOf({ contactMessage: { displayName: 'Bobby', vcard } })).toEqual({
    type: 'contacts',
    contacts: [{ name: 'Bobby', phone: '+5511988880001' }],
  })
  expect(contentOf({ contactsArrayMessage: { contacts: [{ vcard }, { displayName: 'x' }] } })).toEqual({
    type: 'contacts',
    contacts: [
      { name: 'Bob', phone: '+5511988880001' },
      { name: 'x', phone: null },
    ],
  })
})

test('an answer and its mentions are read from whichever part has them', () => {
  const contextInfo = { stanzaId: 'Q', mentionedJid: ['9002:4@lid', 'nonsense', '55119@s.whatsapp.net'] }
  const expected = { quotedWhatsappId: 'Q', mentions: ['9002@lid', '55119@s.whatsapp.net'] }
  expect(contextOf({ extendedTextMessage: { text: 'x', contextInfo } })).toEqual(expected)
  expect(contextOf({ ephemeralMessage: { message: { imageMessage: { contextInfo } } } })).toEqual(expected)
  expect(contextOf({ conversation: 'x' })).toEqual({ quotedWhatsappId: null, mentions: [] })
})

test('raw is JSON: bytes in base64, long numbers as strings, no NUL, nothing that was not set', () => {
  const raw = rawOf(wire({ imageMessage: { ...MEDIA, caption: 'a\0b' }, messageContextInfo: {} }))
  expect(JSON.parse(JSON.stringify(raw))).toEqual(raw)
  expect(raw).toMatchObject({
    imageMessage: { fileLength: '12345', mediaKey: bytes(32, 2).toString('base64'), caption: 'ab' },
  })
  expect(Object.keys(rawOf(wire({ conversation: 'x' })))).toEqual(['conversation'])
})
