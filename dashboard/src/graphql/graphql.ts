import { initGraphQLTada } from 'gql.tada'
import type { introspection } from './introspection.ts'

/** Documents with the types of their answers, from the public schema and nothing else. */
export const graphql = initGraphQLTada<{
  introspection: introspection
  scalars: { DateTime: string; JSON: unknown; Upload: File }
}>()

export type { FragmentOf, ResultOf, VariablesOf } from 'gql.tada'
export { readFragment } from 'gql.tada'
