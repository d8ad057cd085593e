/** Strangers' words: what a database or a file name could stumble over is taken out, the rest stays as it is. */

/** Without NUL and half characters, which PostgreSQL cannot hold. */
export const storable = (text: string): string => text.toWellFormed().replaceAll('\0', '')

/** Twice what WhatsApp's own apps let people write: a character may take two places. */
const MAX_WORDS = 131_072

/** What somebody wrote, in as many lines as it has. */
export const wordsOf = (text: string): string => storable(text.slice(0, MAX_WORDS))

const CONTROLS = /\p{Cc}/gu
/** Marks that turn the direction of what follows, so that a name reads as another. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/gu

/** A longer text is no name; this much of it is looked at. */
const MAX_LOOKED_AT = 8192

/** One line of bounded length; null when nothing is left. */
export function nameOf(text: string | null | undefined, maxLength = 256): string | null {
  const name = text?.slice(0, MAX_LOOKED_AT).toWellFormed().replace(CONTROLS, ' ').trim()
  return name ? [...name].slice(0, maxLength).join('') : null
}

/** WhatsApp's id of a message. Its sender chooses it, and what is no id of an app's is made fit to be a key. */
export const idOf = (text: string | null | undefined): string | null => nameOf(text, 255)

/** The last part of a file's name, which can name no other folder. */
export function filenameOf(text: string | null | undefined): string | null {
  const name = nameOf(
    text?.slice(-MAX_LOOKED_AT).replace(CONTROLS, '').replace(DIRECTIONS, '').split(/[/\\]/).at(-1),
    255,
  )
  return name && /^\.+$/.test(name) ? null : name
}

/** `type/subtype`, perhaps with parameters, fit for a header. */
export const mimeTypeOf = (text: string | null | undefined): string =>
  text && text.length <= 200 && /^[\w.+-]{1,64}\/[\w.+-]{1,64}(; ?[\w-]+="?[\w., +-]+"?)*$/.test(text)
    ? text
    : 'application/octet-stream'
