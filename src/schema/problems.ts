import {
  type GraphQLArgument,
  type GraphQLInputType,
  getNullableType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import type { Check, Problem } from './check.ts'

/** What is wrong, by dotted path. Without a prototype: a caller may well name a field `__proto__`. */
export type Problems = Record<string, string>

/** So that a body of a million bad fields is not answered by a million sentences. */
const PROBLEMS_MAX = 100
const PATH_MAX_LENGTH = 200

export const noProblems = (): Problems => Object.create(null)

/** The first thing that is wrong at a path is the one that is told. */
export function addProblem(problems: Problems, path: string, problem: string): void {
  if (isFull(problems)) return
  const key = path.length > PATH_MAX_LENGTH ? `${path.slice(0, PATH_MAX_LENGTH).toWellFormed()}…` : path
  if (key in problems) return
  problems[key] = problem
  counts.set(problems, (counts.get(problems) ?? 0) + 1)
}

/** Counted beside them: a hostile body asks a hundred thousand times. */
const counts = new WeakMap<Problems, number>()

/** No more will be told: looking further is of no use. */
export const isFull = (problems: Problems): boolean => (counts.get(problems) ?? 0) >= PROBLEMS_MAX

export const join = (path: string, name: string | number) => (path === '' ? String(name) : `${path}.${name}`)

/**
 * Runs the rules of `check.ts` over arguments that their types have admitted. The argument `input` is the body:
 * its fields have no prefix. With `partial`, values that their types refused have been left out.
 */
export function problemsIn(
  args: readonly GraphQLArgument[],
  values: Record<string, unknown>,
  options: { partial?: boolean } = {},
): Problems {
  const walk: Walk = { problems: noProblems(), partial: options.partial ?? false }
  for (const arg of args) {
    visit(walk, arg, { type: arg.type, value: values[arg.name], path: arg.name === 'input' ? '' : arg.name })
  }
  return walk.problems
}

interface Walk {
  problems: Problems
  partial: boolean
}

interface Place {
  type: GraphQLInputType
  value: unknown
  path: string
}

interface Ruled {
  extensions: Readonly<Record<string, unknown>>
}

const UNRULED: Ruled = { extensions: {} }

function visit(walk: Walk, holder: Ruled, place: Place): void {
  const { value, path } = place
  if (value === undefined) return
  const { check, notNull } = holder.extensions as { check?: Check; notNull?: boolean }
  if (value === null) {
    if (notNull) addProblem(walk.problems, path, 'must not be null')
    return
  }
  if (check) add(walk, path, verdict(walk, check, value))
  if (typeof value === 'string') wellFormed(walk, path, value)
  const type = isNonNullType(place.type) ? place.type.ofType : place.type
  if (isListType(type)) {
    const items = value as unknown[]
    items.forEach((item, i) => {
      visit(walk, UNRULED, { type: type.ofType, value: item, path: join(path, i) })
    })
  } else if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) {
      const below = (value as Record<string, unknown>)[field.name]
      visit(walk, field, { type: getNullableType(field.type), value: below, path: join(path, field.name) })
    }
    const whole = type.extensions.check as Check | undefined
    if (whole) add(walk, path, verdict(walk, whole, value))
  }
}

/** A rule may stumble over what was left out; then there is a problem already, and its verdict is not needed. */
function verdict(walk: Walk, check: Check, value: unknown): Problem {
  if (!walk.partial) return check(value)
  try {
    return check(value)
  } catch {
    return null
  }
}

function add(walk: Walk, path: string, problem: Problem): void {
  if (problem === null) return
  if (typeof problem === 'string') addProblem(walk.problems, path, problem)
  else for (const [below, what] of Object.entries(problem)) addProblem(walk.problems, join(path, below), what)
}

/** PostgreSQL stores no NUL, and a lone surrogate has no UTF-8 form: no text with either goes past the doors. */
function wellFormed(walk: Walk, path: string, value: string): void {
  if (value.includes('\0')) addProblem(walk.problems, path, 'must not contain NUL characters')
  else if (!value.isWellFormed()) addProblem(walk.problems, path, 'must be well-formed Unicode')
}
