import type { GraphQLField, GraphQLSchema } from 'graphql'
import type { Context } from '../context.ts'
import { once } from '../resolvers/once.ts'

/** The schema with the fields marked `once` answering the same to the same Idempotency-Key, at every door. */
export function withOnce(schema: GraphQLSchema): GraphQLSchema {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {}) as GraphQLField<unknown, Context>[]) {
    const { name, resolve } = field
    if (!isOnce(field) || !resolve) continue
    field.resolve = (root, args, ctx, info) =>
      once(ctx, { field: name, args }, inner => resolve(root, args, inner, info))
  }
  return schema
}

export const isOnce = (field: { extensions: Readonly<Record<string, unknown>> }): boolean =>
  field.extensions.once === true
