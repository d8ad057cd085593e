import { type GraphQLField, type GraphQLSchema, getNullableType } from 'graphql'
import type { Context } from '../context.ts'
import { once } from '../resolvers/once.ts'

/**
 * The schema with its mutations each for itself. One that failed is null in GraphQL, so that those beside it in the
 * request still run and have their answers. Those marked `once` answer the same to the same Idempotency-Key.
 */
export function eachForItself(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {}) as GraphQLField<unknown, Context>[]) {
    const { name, resolve } = field
    field.type = getNullableType(field.type)
    if (!isOnce(field) || !resolve) continue
    field.resolve = (root, args, ctx, info) =>
      once(ctx, { field: name, args }, inner => resolve(root, args, inner, info))
  }
  return schema
}

export const isOnce = (field: { extensions: Readonly<Record<string, unknown>> }): boolean =>
  field.extensions.once === true
