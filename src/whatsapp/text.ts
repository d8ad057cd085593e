/** Strangers' words: what a database or a file name could stumble over is taken out, the rest stays as it is. */

/** Without NUL, which PostgreSQL cannot hold. */
export const withoutNul = (text: string): string => text.replaceAll('\0', '')

const CONTROLS = /\p{Cc}/gu
/** Marks that turn the direction of what follows, so that a name reads as another. */
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/gu

/** One line of bounded length; null when nothing is left. */
export function nameOf(text: string | null | undefined, maxLength = 256): string | null {
  const name = text?.replace(CONTROLS, ' ').trim()
  return name ? [...name].slice(0, maxLength).join('') : null
}

/** The last part of a file's name, which can name no other folder. */
export function filenameOf(text: string | null | undefined): string | null {
  const name = nameOf(text?.replace(CONTROLS, '').replace(DIRECTIONS, '').split(/[/\\]/).at(-1), 255)
  return name && /^\.+$/.test(name) ? null : name
}

/** `type/subtype`, perhaps with parameters, fit for a header. */
export const mimeTypeOf = (text: string | null | undefined): string =>
  text && /^[\w.+-]{1,64}\/[\w.+-]{1,64}(; ?[\w-]+="?[\w., +-]+"?)*$/.test(text) && text.length <= 200
    ? text
    : 'application/octet-stream'
