import type { FetchOutcome, PhoneAnswer, RemoteMedia } from '../whatsapp.ts'
import { type Download, type DownloadLimits, download } from './download.ts'
import { type MediaReference, packReference, unpackReference } from './reference.ts'

export type AskPhone = (reference: MediaReference) => Promise<PhoneAnswer>

/** Opens media at the place that the message names, or else where the phone puts it when asked. Never throws. */
export async function fetchMedia(
  media: RemoteMedia,
  { askPhone, limits }: { askPhone: AskPhone; limits?: DownloadLimits | undefined },
): Promise<FetchOutcome> {
  const ownHost = media.network.mediaUrl
  let reference: MediaReference
  try {
    reference = unpackReference(media.reference)
  } catch {
    return { kind: 'gone', message: 'the reference to the media is unreadable' }
  }
  const first = await download(reference, { ownHost, limits })
  if (first.kind !== 'absent') return outcome(first, null)
  const answer = await askPhone(reference).catch(() => null)
  // Another time there may be somebody to ask.
  if (answer === null) return { kind: 'failed', message: `${first.message}, and the phone could not be asked` }
  if (answer === 'has_not') return { kind: 'gone', message: first.message }
  const moved = { ...reference, directPath: answer.directPath, url: null }
  return outcome(await download(moved, { ownHost, limits }), packReference(moved))
}

function outcome(result: Download, reference: Uint8Array | null): FetchOutcome {
  if (result.kind === 'open') return { ...result, reference }
  return { kind: result.kind === 'failed' ? 'failed' : 'gone', message: result.message }
}
