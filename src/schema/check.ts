/**
 * Rules on values beyond their type, attached to arguments and input fields as `extensions.check`. Both doors
 * run them through `problemsIn`, so that every bad field is named at once, in REST and in GraphQL alike.
 */

/** Null: fine. A string: what is wrong with the value. A record: what is wrong below it, by dotted path. */
export type Problem = string | Record<string, string> | null

/** What a rule tells of itself to the OpenAPI document, in the words of JSON Schema. */
export interface Limits {
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  minItems?: number
  maxItems?: number
}

export interface Check {
  // biome-ignore lint/suspicious/noExplicitAny: each check receives the value that the field's own type has admitted
  (value: any): Problem
  readonly limits?: Limits
}

export const check = (rule: Check) => ({ extensions: { check: rule } })

/** For optional fields that null would not clear: null is refused, absence is not. */
export const notNull = (rule: Check = () => null) => ({ extensions: { check: rule, notNull: true } })

/** Gives a rule the limits that it holds values to. */
export const limited = (limits: Limits, rule: Check): Check =>
  Object.assign((value: Parameters<Check>[0]) => rule(value), { limits })

/** The first problem is told; the limits are those of all. */
export const all = (...rules: Check[]): Check =>
  limited(Object.assign({}, ...rules.map(rule => rule.limits)), value => {
    for (const rule of rules) {
      const problem = rule(value)
      if (problem) return problem
    }
    return null
  })

const atMost = (maxLength: number): Check =>
  limited({ maxLength }, (value: string) =>
    isLonger(value, maxLength) ? `must have at most ${maxLength} characters` : null,
  )

const notEmpty = limited({ minLength: 1 }, (value: string) => (value.trim() === '' ? 'must not be empty' : null))

const wellFormed: Check = (value: string) => (value.isWellFormed() ? null : 'must be well-formed Unicode')

/** Unicode text without control characters (a newline too), with something visible in it. */
export const line = (maxLength: number): Check =>
  all(
    notEmpty,
    atMost(maxLength),
    (value: string) => (/\p{Cc}/u.test(value) ? 'must not contain control characters' : null),
    wellFormed,
  )

/** Text of several lines. PostgreSQL stores no NUL, and a lone surrogate has no UTF-8 form. */
export const text = (maxLength: number): Check =>
  all(
    atMost(maxLength),
    (value: string) => (value.includes('\0') ? 'must not contain NUL characters' : null),
    wellFormed,
  )

export const between = (minimum: number, maximum: number): Check =>
  limited({ minimum, maximum }, (value: number) =>
    value < minimum || value > maximum ? `must be between ${minimum} and ${maximum}` : null,
  )

/** A list of so many items at most, and one at least, each of which the rule is for. What its own type refused is not there. */
export const each = (maxItems: number, rule: Check): Check =>
  limited({ minItems: 1, maxItems }, (items: unknown[]) => {
    if (items.length === 0) return 'must not be empty'
    if (items.length > maxItems) return `must have at most ${maxItems} items`
    const problems = items.map((item, i) => [i, item == null ? null : rule(item)] as const)
    return Object.fromEntries(problems.filter(([, problem]) => problem !== null)) as Record<string, string>
  })

/** In characters as JSON Schema and PostgreSQL count them: an emoji of two UTF-16 units is one. */
function isLonger(value: string, maxLength: number): boolean {
  if (value.length <= maxLength || value.length > 2 * maxLength) return value.length > maxLength
  let length = 0
  for (const _ of value) if (++length > maxLength) return true
  return false
}
