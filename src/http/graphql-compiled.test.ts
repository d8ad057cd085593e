import { GraphQLInt, GraphQLObjectType, GraphQLSchema, getOperationAST, parse } from 'graphql'
import { expect, it } from 'vitest'
import { CompiledQueries } from './graphql-compiled.ts'

const node: GraphQLObjectType = new GraphQLObjectType({
  name: 'Node',
  fields: () => ({ n: { type: GraphQLInt, resolve: () => 1 }, next: { type: node, resolve: () => ({}) } }),
})
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { node: { type: node, resolve: () => ({}) } } }),
  mutation: new GraphQLObjectType({ name: 'Mutation', fields: { node: { type: node, resolve: () => ({}) } } }),
})

/** What comes of a document that is asked for ten times: at which of them it was compiled first. */
function compiledAt(text: string): number | null {
  const queries = new CompiledQueries(schema)
  const document = parse(text)
  const operation = getOperationAST(document, document.definitions.length > 1 ? 'A' : null)!
  for (let n = 1; n <= 10; n++) if (queries.of(document, operation)) return n
  return null
}

const doubling = (levels: number) =>
  `query A { node { ...F0 } } ${Array.from({ length: levels }, (_, i) => `fragment F${i} on Node { a: next { ...F${i + 1} } b: next { ...F${i + 1} } }`).join(' ')}
   fragment F${levels} on Node { n }`

it.each([
  ['a query that comes again', '{ node { n } }', 3],
  ['one with fragments', 'query A { node { ...F } } fragment F on Node { n next { n } }', 3],
  ['one that skips', 'query A($a: Boolean!) { node { n @skip(if: $a) } }', 3],
  ['one with fragments that double into too much', doubling(9), null],
  ['a mutation', 'mutation { node { n } }', null],
  ['introspection', '{ __schema { types { name } } }', null],
  ['what is answered in parts', '{ node { ... @defer { n } } }', null],
  ['one operation of several', 'query A { node { n } } query B { node { n } }', null],
])('%s is compiled when it is seen for the so many-th time, or never', (_, text, at) => {
  expect(compiledAt(text)).toBe(at)
})

it('what is compiled answers', async () => {
  const queries = new CompiledQueries(schema)
  const document = parse('{ node { n } }')
  const operation = getOperationAST(document)!
  for (let n = 0; n < 3; n++) queries.of(document, operation)
  expect(await queries.of(document, operation)!({ variableValues: {} })).toEqual({ data: { node: { n: 1 } } })
})
