/**
 * Rules on values beyond their type, attached to arguments and input fields as `extensions.check`. Both doors
 * run them through `problemsIn`, so that every bad field is named at once, in REST and in GraphQL alike.
 */

/** Null: fine. A string: what is wrong with the value. A record: what is wrong below it, by dotted path. */
export type Problem = string | Record<string, string> | null
// biome-ignore lint/suspicious/noExplicitAny: each check receives the value that the field's own type has admitted
export type Check = (value: any) => Problem

export const check = (rule: Check) => ({ extensions: { check: rule } })

/** For optional fields that null would not clear: null is refused, absence is not. */
export const notNull = (rule: Check = () => null) => ({ extensions: { check: rule, notNull: true } })

export const all =
  (...rules: Check[]): Check =>
  value => {
    for (const rule of rules) {
      const problem = rule(value)
      if (problem) return problem
    }
    return null
  }

/** Unicode text without control characters (a newline too), with something visible in it. */
export const line = (maxLength: number): Check =>
  all(
    (value: string) => (value.trim() === '' ? 'must not be empty' : null),
    (value: string) => (value.length > maxLength ? `must have at most ${maxLength} characters` : null),
    (value: string) => (/\p{Cc}/u.test(value) ? 'must not contain control characters' : null),
    wellFormed,
  )

/** Text of several lines. PostgreSQL stores no NUL, and a lone surrogate has no UTF-8 form. */
export const text = (maxLength: number): Check =>
  all(
    (value: string) => (value.length > maxLength ? `must have at most ${maxLength} characters` : null),
    (value: string) => (value.includes('\0') ? 'must not contain NUL characters' : null),
    wellFormed,
  )

export const between =
  (min: number, max: number): Check =>
  (value: number) =>
    value < min || value > max ? `must be between ${min} and ${max}` : null

const wellFormed: Check = (value: string) => (value.isWellFormed() ? null : 'must be well-formed Unicode')
