/** The last second that four digits of a year can write: what WhatsApp calls "for ever", too. */
const LAST_SECOND = 253_402_300_799
const FIRST_OF_MILLISECONDS = 100_000_000_000

type Told = number | string | { toString(): string } | null | undefined

/** Of seconds, as stanzas have them; what is no time is the beginning of time. */
export function dateOfSeconds(told: Told): Date {
  const seconds = Number(told ?? 0)
  return new Date(seconds >= 0 && seconds <= LAST_SECOND ? Math.floor(seconds) * 1000 : 0)
}

/** Of seconds or milliseconds, for WhatsApp has both; null for none, far ahead for "for ever". */
export function dateOfEither(told: Told): Date | null {
  const value = Number(told ?? 0)
  if (value < 0) return new Date(LAST_SECOND * 1000)
  if (!(value > 0)) return null
  return new Date(Math.min(value < FIRST_OF_MILLISECONDS ? value * 1000 : value, LAST_SECOND * 1000))
}
