import { essence } from './sniff.ts'

/** What WhatsApp wants to be told beside the bytes. A file that does not say it, or not in time, is sent without. */
export interface Described {
  seconds: number | null
  /** JPEG, small. */
  thumbnail: Buffer | null
}

const NOTHING: Described = { seconds: null, thumbnail: null }
/** Larger ones are not decoded at all. */
const PIXELS_MAX = 50_000_000
const THUMBNAIL_PIXELS = 96
const THUMBNAIL_MAX_BYTES = 16_384
const LOOK_SECONDS = 2
const SECONDS_MAX = 7 * 24 * 3600
/** Decoders that are widely looked at. */
const DECODED = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif'])

const AT_ONCE = 2
const WAITING_MAX = 6

/** At most two files are looked at in one moment; who would wait too long goes without. */
export class Describer {
  #busy = 0
  readonly #waiting: (() => void)[] = []

  async describe(path: string, mimeType: string): Promise<Described> {
    const type = essence(mimeType)
    const look = DECODED.has(type) ? thumbnailOf : type.startsWith('audio/') ? secondsOf : null
    if (!look || this.#waiting.length >= WAITING_MAX) return NOTHING
    if (this.#busy >= AT_ONCE) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#busy++
    try {
      return await look(path)
    } catch {
      return NOTHING
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }
}

async function thumbnailOf(path: string): Promise<Described> {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  // The header alone: what is too large is not decoded.
  const image = sharp(path, { limitInputPixels: PIXELS_MAX, pages: 1, sequentialRead: true, failOn: 'error' })
  const thumbnail = await image
    .timeout({ seconds: LOOK_SECONDS })
    .autoOrient()
    .resize(THUMBNAIL_PIXELS, THUMBNAIL_PIXELS, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 60 })
    .toBuffer()
  return { seconds: null, thumbnail: thumbnail.length <= THUMBNAIL_MAX_BYTES ? thumbnail : null }
}

async function secondsOf(path: string): Promise<Described> {
  const { parseFile } = await import('music-metadata')
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error('it takes too long')), LOOK_SECONDS * 1000)
  try {
    const { format } = await Promise.race([parseFile(path, { duration: true, skipCovers: true }), late.promise])
    const { duration } = format
    const isKnown = duration !== undefined && duration >= 0 && duration <= SECONDS_MAX
    return { seconds: isKnown ? Math.max(1, Math.round(duration)) : null, thumbnail: null }
  } finally {
    clearTimeout(timer)
  }
}
