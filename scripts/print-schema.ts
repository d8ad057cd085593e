import { readFileSync, writeFileSync } from 'node:fs'
import {
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  printSchema,
} from 'graphql'

/**
 * Prints `schema.graphql`, the contract of the GraphQL door, from the code, and the same as types for the dashboard. With
 * `--check` it writes nothing and exits with 1 when a file is stale. Either way everything in the schema must have a
 * description.
 */

/** Coordinates of what has no description, such as `Instance.name` or `Query.instances(limit:)`. */
export function undescribed(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .filter(type => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .flatMap(type => [...(type.description ? [] : [type.name]), ...membersOf(type)])
}

function membersOf(type: GraphQLNamedType): string[] {
  if (isEnumType(type)) return missing(type.getValues(), each => `${type.name}.${each.name}`)
  if (isInputObjectType(type)) return missing(Object.values(type.getFields()), each => `${type.name}.${each.name}`)
  if (!isObjectType(type) && !isInterfaceType(type)) return []
  const fields = Object.values(type.getFields())
  return [
    ...missing(fields, field => `${type.name}.${field.name}`),
    ...fields.flatMap(field => missing(field.args, arg => `${type.name}.${field.name}(${arg.name}:)`)),
  ]
}

function missing<Each extends { description?: string | null }>(
  list: readonly Each[],
  name: (each: Each) => string,
): string[] {
  return list.filter(each => !each.description).map(name)
}

/** 0: written, or up to date. 1: something lacks a description, or the file is stale. */
export function run(schema: GraphQLSchema, options: { path: string; check: boolean; say: (line: string) => void }) {
  const { say } = options
  const lacking = undescribed(schema)
  for (const name of lacking) say(`${name} has no description`)
  if (lacking.length > 0) return 1
  return keep(`${printSchema(schema)}\n`, options)
}

export function keep(printed: string, options: { path: string; check: boolean; say: (line: string) => void }) {
  const { path, check, say } = options
  if (!check) {
    writeFileSync(path, printed)
    return 0
  }
  if (read(path) === printed) return 0
  say(`${path} is stale: run npm run schema`)
  return 1
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

if (import.meta.main) {
  const { schema } = await import('../src/schema/index.ts')
  const { DASHBOARD_TYPES, dashboardTypes } = await import('./dashboard-types.ts')
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const check = process.argv.includes('--check')
  const outcomes = [
    run(schema, { path: 'schema.graphql', check, say }),
    keep(dashboardTypes(schema), { path: DASHBOARD_TYPES, check, say }),
  ]
  process.exitCode = Math.max(...outcomes)
}
