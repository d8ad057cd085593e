import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { LRUCache } from 'lru-cache'

/** Queries that come again and again are run by code that is made for them, as REST's are. */

interface Execution {
  rootValue?: unknown
  contextValue?: unknown
  variableValues?: unknown
}

type Run = (execution: Execution) => unknown

/** What is asked once or twice is not worth the milliseconds that making it takes. */
const SEEN_BEFORE = 3
const KEPT_MAX = 200
/** Wherever they stand, those of fragments each time. */
const FIELDS_MAX = 500

export class CompiledQueries {
  readonly #schema: GraphQLSchema
  readonly #seen = new WeakMap<DocumentNode, number>()
  /** Null: it cannot be compiled. */
  readonly #kept = new LRUCache<DocumentNode, { run: Run | null }>({ max: KEPT_MAX })

  constructor(schema: GraphQLSchema) {
    this.#schema = schema
  }

  /** Null: run it as it is. The same document is the same object, as long as the cache of documents has it. */
  of(document: DocumentNode, operation: OperationDefinitionNode): Run | null {
    if (operation.operation !== 'query') return null
    const known = this.#kept.get(document)
    if (known) return known.run
    const seen = (this.#seen.get(document) ?? 0) + 1
    this.#seen.set(document, seen)
    if (seen < SEEN_BEFORE) return null
    const run = isPlain(document) ? this.#compile(document) : null
    this.#kept.set(document, { run })
    return run
  }

  #compile(document: DocumentNode): Run | null {
    const compiled = compileQuery(this.#schema, document)
    if (!isCompiledQuery(compiled)) return null
    return async ({ rootValue, contextValue, variableValues }) => {
      const result = await compiled.query(rootValue, contextValue, variableValues as Record<string, unknown>)
      return result.errors ? { ...result, errors: result.errors.map(error => placed(error, document)) } : result
    }
  }
}

/** It says where it stands by line and column alone, which Yoga does not write. */
function placed(
  { message, locations, path, originalError, extensions }: GraphQLError,
  { loc }: DocumentNode,
): GraphQLError {
  const source = loc?.source
  const lines = source?.body.split('\n') ?? []
  const startOf = (line: number) => lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0)
  const positions = locations?.map(({ line, column }) => startOf(line) + column - 1)
  return new GraphQLError(message, { source, positions, path, originalError, extensions })
}

/** One operation, of the schema's own fields, that is answered in one piece; and no more of them than make short code. */
function isPlain(document: DocumentNode): boolean {
  const fragments = new Map<string, SelectionSetNode>()
  let operation: OperationDefinitionNode | undefined
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet)
    else if (definition.kind !== Kind.OPERATION_DEFINITION || operation) return false
    else operation = definition
  }
  let left = FIELDS_MAX
  const isFine = ({ selections }: SelectionSetNode): boolean =>
    selections.every(selection => {
      if (--left < 0 || !selection.directives!.every(({ name }) => PLAIN_DIRECTIVES.has(name.value))) return false
      // A fragment is code wherever it is spread.
      if (selection.kind === Kind.FRAGMENT_SPREAD) return isFine(fragments.get(selection.name.value)!)
      if (selection.kind === Kind.FIELD && /^__(schema|type)$/.test(selection.name.value)) return false
      return !selection.selectionSet || isFine(selection.selectionSet)
    })
  return isFine(operation!.selectionSet)
}

const PLAIN_DIRECTIVES = new Set(['skip', 'include'])
