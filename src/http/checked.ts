import { type GraphQLFieldConfig, GraphQLObjectType, GraphQLSchema } from 'graphql'
import type { Context } from '../context.ts'
import { invalid, unauthorized } from '../errors.ts'
import { problemsIn } from '../schema/problems.ts'
import { mayEnter, type RestRoute } from '../schema/route.ts'

/**
 * The schema as the GraphQL door serves it: before a root field runs it is known that its caller may come to it, and its
 * arguments keep the rules of `check.ts`. REST has the same two steps of its own.
 */
export function checked(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig()
  const query = guarded(config.query)
  const mutation = guarded(config.mutation)
  const subscription = guarded(config.subscription)
  const roots = new Set<unknown>([config.query, config.mutation, config.subscription])
  return new GraphQLSchema({
    ...config,
    query,
    mutation,
    subscription,
    types: config.types.filter(type => !roots.has(type)),
  })
}

type Field = GraphQLFieldConfig<unknown, Context>

function guarded(type: GraphQLObjectType | null | undefined): GraphQLObjectType | null {
  if (!type) return null
  const config = type.toConfig()
  const fields = Object.entries(config.fields).map(([name, field]) => [name, guard(type, name, field)])
  return new GraphQLObjectType({ ...config, fields: Object.fromEntries(fields) })
}

function guard(type: GraphQLObjectType, name: string, field: Field): Field {
  const { args } = type.getFields()[name]!
  const route = (field.extensions?.rest ?? {}) as Partial<RestRoute>
  const enter = (values: Record<string, unknown>, ctx: Context) => {
    if (!mayEnter(route, ctx)) throw unauthorized()
    const problems = problemsIn(args, values)
    for (const _ in problems) throw invalid(problems)
  }
  const { resolve, subscribe } = field
  // An event of a stream was let in when the stream was opened.
  if (subscribe) {
    return {
      ...field,
      subscribe: (root, values, ctx, info) => {
        enter(values, ctx)
        return subscribe(root, values, ctx, info)
      },
    }
  }
  return {
    ...field,
    resolve: (root, values, ctx, info) => {
      enter(values, ctx)
      return resolve!(root, values, ctx, info)
    },
  }
}
