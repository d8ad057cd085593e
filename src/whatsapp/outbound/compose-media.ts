import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { MediaType, proto, WAMediaUploadFunction } from '@whiskeysockets/baileys'
import type { Clock } from '../../clock.ts'
import { type Encrypted, encryptToFile, MediaTooLarge } from '../media/encrypt.ts'
import { MAX_MEDIA_BYTES } from '../media/kind.ts'
import type { ComposeOutcome, MessageExtras, OutboundMedia } from '../whatsapp.ts'
import { sealed } from './compose.ts'
import { contextOf } from './context.ts'

/** For the whole of it: reading, encrypting, uploading. */
const TIMEOUT_MS = 180_000
/** Of the upload, without a byte. */
const IDLE_MS = 30_000

type Uploaded = Awaited<ReturnType<WAMediaUploadFunction>>

/**
 * Encrypts into a file of its own, which is gone on every way out, and has Baileys upload that. Baileys never sees
 * the media: it would read URLs and paths, and draw thumbnails.
 */
export async function composeMedia(
  media: OutboundMedia,
  {
    upload,
    clock,
    extras,
    timeoutMs = TIMEOUT_MS,
  }: {
    upload: WAMediaUploadFunction
    clock: Clock
    extras: MessageExtras
    timeoutMs?: number | undefined
  },
): Promise<ComposeOutcome> {
  if (media.sizeBytes > MAX_MEDIA_BYTES) return tooLarge(`${media.sizeBytes} bytes are too many`)
  const path = join(tmpdir(), `wataki-media-${randomUUID()}`)
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const encrypted = await encryptToFile(await opened(media, signal), { kind: media.type, path, signal })
    const uploaded = await untilAborted(
      upload(path, {
        mediaType: media.type as MediaType,
        fileEncSha256B64: encrypted.encSha256.toString('base64'),
        timeoutMs: IDLE_MS,
      }),
      signal,
    )
    return { kind: 'composed', payload: sealed(messageOf(media, { encrypted, uploaded, clock, extras })) }
  } catch (error) {
    if (error instanceof MediaTooLarge) return tooLarge(error.message)
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  } finally {
    await rm(path, { force: true })
  }
}

/** A source that opens too late is shut at once. */
function opened(media: OutboundMedia, signal: AbortSignal): Promise<Readable> {
  const opening = media.open()
  opening.then(
    stream => {
      if (signal.aborted) stream.destroy()
    },
    () => {},
  )
  return untilAborted(opening, signal)
}

const tooLarge = (message: string): ComposeOutcome => ({ kind: 'rejected', code: 'media_too_large', message })

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(new Error('the media could not be handed over in time'))
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

function messageOf(
  media: OutboundMedia,
  parts: { encrypted: Encrypted; uploaded: Uploaded; clock: Clock; extras: MessageExtras },
): proto.IMessage {
  const { encrypted, uploaded, clock, extras } = parts
  const contextInfo = contextOf(extras)
  const common = {
    url: uploaded.mediaUrl,
    directPath: uploaded.directPath,
    mediaKey: encrypted.mediaKey,
    mediaKeyTimestamp: Math.floor(clock.nowMs() / 1000),
    fileSha256: encrypted.sha256,
    fileEncSha256: encrypted.encSha256,
    fileLength: encrypted.sizeBytes,
    mimetype: media.mimeType,
    ...(contextInfo ? { contextInfo } : {}),
  }
  const { caption, filename, seconds, thumbnail: jpegThumbnail } = media
  switch (media.type) {
    case 'image':
      return { imageMessage: { ...common, caption, jpegThumbnail } }
    case 'video':
      return { videoMessage: { ...common, caption, jpegThumbnail, seconds } }
    case 'audio':
      return { audioMessage: { ...common, seconds, ptt: media.ptt } }
    case 'document':
      return { documentMessage: { ...common, caption, jpegThumbnail, fileName: filename, title: filename } }
  }
}
