import { minifyIntrospection, outputIntrospectionFile } from '@gql.tada/internal'
import { type GraphQLSchema, introspectionFromSchema } from 'graphql'

/** The schema as types, for the documents of the dashboard. */
export const DASHBOARD_TYPES = 'dashboard/src/graphql/introspection.d.ts'

export function dashboardTypes(schema: GraphQLSchema): string {
  const introspection = minifyIntrospection(introspectionFromSchema(schema, { descriptions: false }))
  return outputIntrospectionFile(introspection, { fileType: '.d.ts', shouldPreprocess: true })
}
