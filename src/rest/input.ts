import {
  coerceInputValue,
  type GraphQLArgument,
  type GraphQLEnumType,
  GraphQLError,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLLeafType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'
import { notFound } from '../errors.ts'
import { addProblem, isFull, join, noProblems, type Problems, problemsIn } from '../schema/problems.ts'
import type { RestRoute } from '../schema/route.ts'
import { camel, enumWord, snake, snakePath } from './casing.ts'

/** What a caller sent → variables of the operation. Compiled once per route. */

export interface Sent {
  /** Path parameters, decoded. */
  params: Record<string, string | undefined>
  /** The query string, without its `?`. */
  query: string
  /** Undefined: none. */
  body: unknown
}

export interface Read {
  variables: Record<string, unknown>
  /** In the caller's spelling; all of them, at once. */
  problems: Problems
}

/** Refuses or returns the value under GraphQL's names; nothing in it is converted yet. */
type Reader = (value: unknown, path: string, problems: Problems) => unknown

/** Deeper than any type is, and far from the end of the stack. */
const DEEP_PATH_LENGTH = 2000

export function compileInput(field: GraphQLField<unknown, unknown>, route: RestRoute): (sent: Sent) => Read {
  const inPath = new Set([...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => camel(name!)))
  const args = field.args.filter(arg => !isUpload(arg))
  const byName = new Map(args.map(arg => [arg.name, arg]))
  for (const name of inPath) if (!byName.has(name)) throw new Error(`${route.path}: ${field.name} has no ${name}`)
  const pathArgs = args.filter(arg => inPath.has(arg.name)).map(arg => ({ arg, name: snake(arg.name) }))
  const input = inPath.has('input') ? undefined : byName.get('input')
  const queryArgs = new Map(
    args.filter(arg => arg !== input && !inPath.has(arg.name)).map(arg => [snake(arg.name), arg]),
  )
  for (const arg of queryArgs.values()) {
    if (!isLeafType(getNamedType(arg.type)) || isListType(arg.type))
      throw new Error(`${arg.name}: not for a query string`)
  }
  const readBody = compileBody(input)
  return ({ params, query, body }) => {
    const variables: Record<string, unknown> = {}
    const problems = noProblems()
    for (const { arg, name } of pathArgs) variables[arg.name] = readPath(arg, params[name])
    readQuery(queryArgs, query, { variables, problems })
    readBody(body, { variables, problems })
    check(args, { variables, problems })
    return { variables, problems }
  }
}

/** Filled from the parts of a body, which are read later. */
export const isUpload = (arg: GraphQLArgument): boolean => getNamedType(arg.type).name === 'Upload'

/** What cannot be an id is the id of nothing. */
function readPath(arg: GraphQLArgument, text: string | undefined): unknown {
  const problems = noProblems()
  const value = text === undefined ? undefined : readText(leafOf(arg), text, { path: arg.name, problems })
  const fine = value !== undefined && text!.isWellFormed() && !text!.includes('\0')
  if (!fine || Object.keys(problems).length > 0) throw notFound(arg.name.replace(/Id$/, ''))
  return value
}

function readQuery(args: Map<string, GraphQLArgument>, query: string, { variables, problems }: Read): void {
  const seen = new Set<string>()
  if (query !== '') {
    for (const [name, text] of new URLSearchParams(query)) {
      const arg = args.get(name)
      if (!arg) addProblem(problems, name, 'is not a known parameter')
      else if (seen.has(name)) addProblem(problems, name, 'must be given once')
      else variables[arg.name] = readText(leafOf(arg), text, { path: name, problems })
      seen.add(name)
    }
  }
  for (const [name, arg] of args) {
    if (isRequiredArgument(arg) && !seen.has(name)) addProblem(problems, name, 'is required')
  }
}

const leafOf = (arg: GraphQLArgument) => getNamedType(arg.type) as GraphQLLeafType

function readText(type: GraphQLLeafType, text: string, at: { path: string; problems: Problems }): unknown {
  return readLeaf(type, fromText(type, text), at)
}

/** Text that does not read as the type stays text, and is refused as such. */
function fromText(type: GraphQLLeafType, text: string): unknown {
  if (type.name === 'Int') return /^-?\d{1,10}$/.test(text) ? Number(text) : text
  if (type.name === 'Float') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (type.name === 'Boolean') return text === 'true' ? true : text === 'false' ? false : text
  // The plus of an offset, which reads as a blank unless it is escaped.
  if (type.name === 'DateTime') return text.replace(/ (?=\d\d(?::?\d\d)?$)/, '+')
  return text
}

function compileBody(input: GraphQLArgument | undefined): (body: unknown, read: Read) => void {
  if (!input) {
    return (body, { problems }) => {
      if (body === undefined) return
      if (!isRecord(body)) addProblem(problems, 'body', 'must be a JSON object')
      else for (const name of Object.keys(body)) addProblem(problems, name, 'is not a known field')
    }
  }
  const required = isRequiredArgument(input)
  const reader = compile(isNonNullType(input.type) ? input.type.ofType : input.type)
  return (body, { variables, problems }) => {
    if (body === undefined && !required) return
    if (body !== undefined && !isRecord(body)) addProblem(problems, 'body', 'must be a JSON object')
    else variables.input = reader(body ?? {}, '', problems)
  }
}

const readers = new WeakMap<GraphQLInputObjectType, Reader>()

function compile(type: GraphQLInputType): Reader {
  if (isNonNullType(type)) {
    const reader = compile(type.ofType)
    return (value, path, problems) => {
      if (value !== null) return reader(value, path, problems)
      addProblem(problems, path, 'must not be null')
    }
  }
  if (isListType(type)) {
    const reader = compile(type.ofType)
    return (value, path, problems) => {
      if (value === null) return null
      if (Array.isArray(value)) return value.map((item, i) => reader(item, join(path, i), problems))
      addProblem(problems, path, 'must be an array')
    }
  }
  if (isInputObjectType(type)) return compileObject(type)
  return (value, path, problems) => (value === null ? null : readLeaf(type, value, { path, problems }))
}

function compileObject(type: GraphQLInputObjectType): Reader {
  const known = readers.get(type)
  if (known) return known
  const reader: Reader = (value, path, problems) => {
    if (value === null) return null
    if (path.length > DEEP_PATH_LENGTH) return void addProblem(problems, path, 'is nested too deeply')
    if (!isRecord(value)) return void addProblem(problems, path, 'must be an object')
    const out: Record<string, unknown> = {}
    for (const name of Object.keys(value)) {
      if (isFull(problems)) break
      const field = fields.get(name)
      if (!field) addProblem(problems, join(path, name), 'is not a known field')
      else out[field.name] = field.read(value[name], join(path, name), problems)
    }
    for (const [name, field] of fields) {
      if (field.required && !Object.hasOwn(value, name)) addProblem(problems, join(path, name), 'is required')
    }
    return out
  }
  // Known before its fields are compiled: a type may hold itself.
  readers.set(type, reader)
  const fields = new Map(
    Object.values(type.getFields()).map(field => [
      snake(field.name),
      { name: field.name, required: isRequiredInputField(field), read: compile(field.type) },
    ]),
  )
  return reader
}

const KINDS: Record<string, [(value: unknown) => boolean, string]> = {
  Int: [
    value => Number.isInteger(value) && (value as number) === ((value as number) | 0),
    'must be a whole number of 32 bits',
  ],
  Float: [value => Number.isFinite(value), 'must be a number'],
  Boolean: [value => typeof value === 'boolean', 'must be true or false'],
  String: [value => typeof value === 'string', 'must be a string'],
  ID: [value => typeof value === 'string', 'must be a string'],
}

function readLeaf(type: GraphQLLeafType, value: unknown, at: { path: string; problems: Problems }): unknown {
  if (isEnumType(type)) return readEnum(type, value, at)
  const problem = problemWith(type, value)
  if (problem === null) return value
  addProblem(at.problems, at.path, problem)
}

/** By the word that REST has for it; GraphQL is given the name. */
function readEnum(type: GraphQLEnumType, value: unknown, at: { path: string; problems: Problems }): unknown {
  const found = type.getValues().find(each => enumWord(each) === value)
  if (found) return found.name
  addProblem(at.problems, at.path, `must be one of ${type.getValues().map(enumWord).join(', ')}`)
}

/** Null: the value is of the type. */
export function problemWith(type: GraphQLLeafType, value: unknown): string | null {
  if (isEnumType(type)) {
    if (typeof value === 'string' && type.getValue(value)) return null
    return `must be one of ${type
      .getValues()
      .map(each => each.name)
      .join(', ')}`
  }
  const kind = KINDS[type.name]
  if (kind) return kind[0](value) ? null : kind[1]
  try {
    type.parseValue(value)
    return null
  } catch (error) {
    return error instanceof GraphQLError ? error.message : 'is not valid'
  }
}

/** The rules beyond types see what resolvers will see; what its type refused is not there. */
function check(args: readonly GraphQLArgument[], { variables, problems }: Read): void {
  const partial = Object.keys(problems).length > 0
  const values: Record<string, unknown> = {}
  for (const arg of args) {
    const value = variables[arg.name]
    if (value != null) values[arg.name] = coerceInputValue(value, arg.type, () => {})
  }
  for (const [path, problem] of Object.entries(problemsIn(args, values, { partial }))) {
    addProblem(problems, snakePath(path), problem)
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
