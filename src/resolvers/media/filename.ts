/** Names of files that others chose: what of them may be shown, stored and put into a header. */

const MAX_LENGTH = 150
/** Windows opens a device of this name, whatever comes after the dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/i
/** Control characters, and those that turn the direction of what follows: a name may not look like another one. */
const INVISIBLE = /[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** Null: nothing is left of it. */
export function safeFilename(name: string | null | undefined): string | null {
  const last = (name ?? '').toWellFormed().normalize('NFC').split(/[/\\]/).at(-1)!
  const plain = last
    .replace(INVISIBLE, '')
    .replace(/[<>:"|?*\ufffd]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '')
  const short = shortened(plain)
  if (short === '') return null
  return DEVICE.test(short.split('.')[0]!.trim()) ? `_${short}` : short
}

/** Keeps the end, which says what it is. */
function shortened(name: string): string {
  const characters = [...name]
  if (characters.length <= MAX_LENGTH) return name
  const extension = /\.[^.]{1,12}$/.exec(name)?.[0] ?? ''
  return characters.slice(0, MAX_LENGTH - extension.length).join('') + extension
}

/** RFC 6266: for old readers in ASCII, for all others in full. */
export function contentDisposition(how: 'inline' | 'attachment', filename: string | null): string {
  if (filename === null) return how
  const ascii = filename.replace(/[^\x20-\x7e]|["\\%]/g, '_')
  const full = encodeURIComponent(filename).replace(
    /['()*]/g,
    char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `${how}; filename="${ascii}"; filename*=UTF-8''${full}`
}
