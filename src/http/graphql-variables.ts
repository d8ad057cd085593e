import {
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql'
import { invalid } from '../errors.ts'
import { problemWith } from '../rest/input.ts'
import { addProblem, isFull, join, noProblems, type Problems } from '../schema/problems.ts'

/**
 * Variables are looked at before GraphQL does: so every bad field is named at once in `details`, as on REST, and what a
 * caller sent is not said back to them, once for each mistake in it.
 */
export function assertVariables(schema: GraphQLSchema, operation: OperationDefinitionNode, given: unknown): void {
  const values = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>
  const problems = noProblems()
  for (const { variable, type: node, defaultValue } of operation.variableDefinitions ?? []) {
    const name = variable.name.value
    const type = typeFromAST(schema, node as never) as GraphQLInputType | undefined
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (!type || (value === undefined && (defaultValue || !isNonNullType(type)))) continue
    // The argument `input` is the body, whose fields have no prefix.
    const whole = isNonNullType(type) ? type.ofType : type
    visit(problems, { type, value, path: isInputObjectType(whole) && isRecord(value) ? '' : name })
  }
  for (const _ in problems) throw invalid(problems)
}

interface Place {
  type: GraphQLInputType
  value: unknown
  path: string
}

function visit(problems: Problems, { type, value, path }: Place): void {
  if (isNonNullType(type)) {
    if (value === undefined) addProblem(problems, path, 'is required')
    else if (value === null) addProblem(problems, path, 'must not be null')
    else visit(problems, { type: type.ofType, value, path })
  } else if (value === null) return
  else if (isListType(type)) {
    // One value stands for a list of one.
    const items = Array.isArray(value) ? value : [value]
    for (let i = 0; i < items.length && !isFull(problems); i++) {
      visit(problems, { type: type.ofType, value: items[i], path: join(path, i) })
    }
  } else if (isInputObjectType(type)) {
    if (!isRecord(value)) return void addProblem(problems, path, 'must be an object')
    const fields = type.getFields()
    for (const name in value) {
      if (isFull(problems)) return
      if (!Object.hasOwn(fields, name)) addProblem(problems, join(path, name), 'is not a known field')
      else if (value[name] !== undefined) {
        visit(problems, { type: fields[name]!.type, value: value[name], path: join(path, name) })
      }
    }
    for (const field of Object.values(fields)) {
      if (isRequiredInputField(field) && !Object.hasOwn(value, field.name)) {
        addProblem(problems, join(path, field.name), 'is required')
      }
    }
  } else if (isLeafType(type) && !isTaken(() => type.parseValue(value))) {
    addProblem(problems, path, problemWith(type, value) ?? 'is not valid')
  }
}

function isTaken(parse: () => unknown): boolean {
  try {
    return parse() !== undefined
  } catch {
    return false
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
