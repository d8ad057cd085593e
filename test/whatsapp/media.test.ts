import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { Readable } from 'node:stream'
import { decryptMediaRetryData, proto } from '@whiskeysockets/baileys'
import { afterEach, expect, test } from 'vitest'
import type { MediaKind as SandboxKind } from '../../src/sandbox/content.ts'
import type { Received } from '../../src/sandbox/listener.ts'
import { encryptMedia } from '../../src/sandbox/media-keys.ts'
import type { Person } from '../../src/sandbox/person.ts'
import { child, el } from '../../src/sandbox/stanza.ts'
import type { InboundMedia, OutboundMedia } from '../../src/whatsapp/whatsapp.ts'
import { openRig, type Rig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig?.close())

const BOB = '5511988880021'
const JPEG = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), randomBytes(200)])

async function linked(options: Parameters<typeof openRig>[0] = {}): Promise<{ phone: Person; bob: Person }> {
  rig = await openRig(options)
  await rig.link('a')
  const { simulator } = rig.sandbox
  const phone = simulator.person(rig.heard('a').states.at(-1)!.phoneNumber!.slice(1))
  return { phone, bob: simulator.person(BOB) }
}

const outbound = (bytes: Buffer, change: Partial<OutboundMedia> = {}): OutboundMedia => ({
  type: 'image',
  mimeType: 'image/jpeg',
  sizeBytes: bytes.length,
  caption: null,
  filename: null,
  ptt: false,
  seconds: null,
  thumbnail: null,
  open: async () => Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]),
  ...change,
})

const temporary = async () => (await readdir(tmpdir())).filter(name => name.startsWith('wataki-media-'))

test('each kind of media arrives at the contact with its bytes and all that was said of it', async () => {
  const { bob } = await linked()
  const received: Received[] = []
  rig.sandbox.simulator.events.on('message', one => received.push(one))
  const before = await temporary()
  const kinds: [Partial<OutboundMedia>, proto.IMessage][] = [
    [{ caption: 'look', thumbnail: JPEG }, { imageMessage: { mimetype: 'image/jpeg', caption: 'look' } }],
    [
      { type: 'video', mimeType: 'video/mp4', seconds: 7, thumbnail: JPEG },
      { videoMessage: { mimetype: 'video/mp4', seconds: 7 } },
    ],
    [
      { type: 'audio', mimeType: 'audio/ogg; codecs=opus', ptt: true, seconds: 3 },
      { audioMessage: { mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 3 } },
    ],
    [
      { type: 'document', mimeType: 'application/pdf', filename: 'ação.pdf', caption: 'read' },
      { documentMessage: { mimetype: 'application/pdf', fileName: 'ação.pdf', caption: 'read' } },
    ],
  ]
  for (const [change, expected] of kinds) {
    const plain = randomBytes(100_000)
    const composed = await rig.whatsapp.composeMedia('a', outbound(plain, change), { mentions: ['9002@lid'] })
    if (composed.kind !== 'composed') throw new Error(JSON.stringify(composed))
    const { whatsappId } = await rig.send('a', BOB, composed.payload)
    await until(() => received.some(({ id }) => id === whatsappId), 'the media at the contact')
    const { message } = received.find(({ id }) => id === whatsappId)!
    expect(message).toMatchObject(expected)
    expect(await bob.listener.download(message)).toEqual(plain)
    const [part] = Object.values(message) as proto.Message.IImageMessage[]
    expect(Number(part!.fileLength)).toBe(plain.length)
    expect(part!.jpegThumbnail ? Buffer.from(part!.jpegThumbnail) : null).toEqual(change.thumbnail ?? null)
    expect(part!.contextInfo?.mentionedJid).toEqual(['9002@lid'])
  }
  expect(await temporary()).toEqual(before)
  expect(rig.undecryptable + rig.retries).toBe(0)
})

test('a media host that refuses, a source that breaks, too much of it: told as such, and nothing left behind', async () => {
  await linked()
  const before = await temporary()
  const bytes = randomBytes(5000)
  rig.sandbox.simulator.media.faults.upload = 500
  expect(await rig.whatsapp.composeMedia('a', outbound(bytes))).toMatchObject({ kind: 'failed' })
  rig.sandbox.simulator.media.faults.upload = null
  const broken = outbound(bytes, { open: () => Promise.reject(new Error('no such file')) })
  expect(await rig.whatsapp.composeMedia('a', broken)).toEqual({ kind: 'failed', message: 'no such file' })
  const half = outbound(bytes, {
    open: async () =>
      new Readable({
        read() {
          this.push(bytes)
          this.destroy(new Error('cut'))
        },
      }),
  })
  expect(await rig.whatsapp.composeMedia('a', half)).toMatchObject({ kind: 'failed' })
  const large = outbound(bytes, { sizeBytes: 200 * 1024 * 1024 })
  expect(await rig.whatsapp.composeMedia('a', large)).toMatchObject({ kind: 'rejected', code: 'media_too_large' })
  expect(await temporary()).toEqual(before)
  await rig.whatsapp.stop('a')
  expect(await rig.whatsapp.composeMedia('a', outbound(bytes))).toEqual({ kind: 'not_connected' })
})

/** What the instance heard last, with its media. */
function lastMedia(): { media: InboundMedia; key: Parameters<typeof rig.whatsapp.fetchMedia>[1]['key'] } {
  const { content, whatsappId, chat, fromMe, sender } = rig.heard('a').messages.at(-1)!
  if (!('media' in content)) throw new Error('no media')
  return { media: content.media, key: { whatsappId, chat: chat.jid, fromMe, sender: sender.jid } }
}

async function fetched(reference = lastMedia().media.reference) {
  const { key } = lastMedia()
  return rig.whatsapp.fetchMedia('a', { reference, key, network: rig.network })
}

test('media of a contact is described, and fetched, also without a connection', async () => {
  const { phone, bob } = await linked()
  const plain = randomBytes(200_000)
  await bob.speaker.image(phone, plain, { caption: 'look' })
  await until(() => rig.heard('a').messages.length === 1, 'the image')
  const { media } = lastMedia()
  expect(rig.heard('a').messages[0]!.content).toMatchObject({ type: 'image', caption: 'look' })
  expect(media).toMatchObject({ mimeType: 'image/jpeg', sizeBytes: plain.length })
  const outcome = await fetched()
  if (outcome.kind !== 'open') throw new Error(outcome.message)
  expect(Buffer.concat(await outcome.bytes.toArray())).toEqual(plain)
  await rig.whatsapp.stop('a')
  const later = await fetched()
  expect(later.kind).toBe('open')
  if (later.kind === 'open') later.bytes.destroy()
})

/** The phone's answer to the request for media: `directPath`, or what went wrong. */
function answerRetries(phone: Person, mediaKey: Buffer, answer: (id: string) => proto.IMediaRetryNotification | null) {
  rig.sandbox.simulator.trace = (from, node) => {
    if (from !== 'client' || node.attrs.type !== 'server-error') return
    const { id = '' } = node.attrs
    const asked = child(node, 'encrypt')!
    const sealedAsk = {
      ciphertext: child(asked, 'enc_p')!.content as Buffer,
      iv: child(asked, 'enc_iv')!.content as Buffer,
    }
    expect(() => decryptMediaRetryData(sealedAsk, mediaKey, id)).not.toThrow()
    const result = answer(id)
    if (!result) return
    const { ciphertext, iv } = sealNotification(result, mediaKey, id)
    const content = [
      el('encrypt', {}, [el('enc_p', {}, ciphertext), el('enc_iv', {}, iv)]),
      el('rmr', child(node, 'rmr')!.attrs),
    ]
    const attrs = { from: phone.jid(), type: 'mediaretry', id, t: rig.sandbox.simulator.now() }
    for (const companion of phone.companions.values()) companion.deliver(el('notification', attrs, content))
  }
}

function sealNotification(note: proto.IMediaRetryNotification, mediaKey: Buffer, id: string) {
  const iv = randomBytes(12)
  const key = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(32), 'WhatsApp Media Retry Notification', 32))
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(id))
  const body = Buffer.concat([cipher.update(proto.MediaRetryNotification.encode(note).finish()), cipher.final()])
  return { ciphertext: Buffer.concat([body, cipher.getAuthTag()]), iv }
}

test('what WhatsApp has no more is asked for of the phone, and had where the phone puts it', async () => {
  const { phone, bob } = await linked({ options: { phoneWaitMs: 600 } })
  const plain = randomBytes(10_000)
  const kind: SandboxKind = 'image'
  const { blob, ...keys } = await encryptMedia(plain, kind)
  const gone = { ...keys, mimetype: 'image/jpeg', url: `${rig.network.mediaUrl}/v/gone.enc` }
  await bob.speaker.send(phone, { imageMessage: gone }, { type: 'media' })
  await until(() => rig.heard('a').messages.length === 1, 'the image')
  const { SUCCESS, NOT_FOUND } = proto.MediaRetryNotification.ResultType

  expect(await fetched()).toMatchObject({ kind: 'gone' })
  answerRetries(phone, keys.mediaKey, stanzaId => ({ stanzaId, result: NOT_FOUND }))
  expect(await fetched()).toMatchObject({ kind: 'gone' })

  const { url } = await rig.sandbox.simulator.media.publish(kind, blob)
  answerRetries(phone, keys.mediaKey, stanzaId => ({ stanzaId, result: SUCCESS, directPath: new URL(url).pathname }))
  const outcome = await fetched()
  if (outcome.kind !== 'open') throw new Error(outcome.message)
  expect(Buffer.concat(await outcome.bytes.toArray())).toEqual(plain)
  expect(outcome.reference).not.toBe(null)

  await rig.whatsapp.stop('a')
  expect(await fetched()).toMatchObject({ kind: 'failed' })
  const again = await fetched(outcome.reference!)
  expect(again).toMatchObject({ kind: 'open', reference: null })
  if (again.kind === 'open') again.bytes.destroy()
})
