import { type DocumentNode, type GraphQLError, type GraphQLSchema, NoSchemaIntrospectionCustomRule } from 'graphql'
import { createYoga, type Plugin } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Context } from '../context.ts'
import type { Log } from '../telemetry/log.ts'
import { coded, isOurs, masked, statusOf } from './graphql-errors.ts'

/** Yoga, set up: the transport of GraphQL, over HTTP, SSE and (through `getEnveloped`) WebSocket. */

export interface YogaOptions {
  log: Log
  /** As it is to be served: with `checked` around its root fields. */
  schema: GraphQLSchema
  /** Closes GraphiQL, and introspection for callers without credentials; hides suggestions of names. */
  production: boolean
}

/** What Yoga is given with a request; resolvers get `house` alone. */
export interface Given {
  house: Context
}

export type Yoga = ReturnType<typeof createHouseYoga>

/** Parsed documents take some twenty times their text: bounded by length, not by number. */
const DOCUMENTS_MAX_CHARACTERS = 2_000_000

export function createHouseYoga({ schema, log, production }: YogaOptions) {
  return createYoga<Given>({
    schema,
    graphqlEndpoint: '/graphql',
    logging: false,
    landingPage: false,
    cors: false,
    batching: false,
    multipart: false,
    // Read and bounded before Yoga sees it.
    maxRequestBodySize: false,
    graphiql: production ? false : { title: 'Wataki' },
    renderGraphiQL,
    parserAndValidationCache: { documentCache: cache<DocumentNode>(), errorCache: cache<Error>() },
    maskedErrors: { maskError: error => masked(log, error) },
    plugins: [house(production)],
  })
}

function cache<Value extends object>() {
  return new LRUCache<string, Value>({
    maxSize: DOCUMENTS_MAX_CHARACTERS,
    sizeCalculation: (_, text) => Math.max(1, text.length),
  })
}

let page: Promise<string> | undefined

/** Nine megabytes that need no internet: loaded when somebody first looks. */
function renderGraphiQL(options?: object): Promise<string> {
  page ??= import('@graphql-yoga/render-graphiql').then(graphiql => graphiql.renderGraphiQL(options))
  return page
}

/** What the house wants of Yoga beyond its options. */
function house(production: boolean): Plugin<Given> {
  return {
    onValidate({ context, addValidationRule }) {
      if (production && !(context as unknown as Given).house.caller) addValidationRule(NoSchemaIntrospectionCustomRule)
    },
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn(args => executeFn({ ...args, contextValue: args.contextValue.house }))
    },
    onSubscribe({ subscribeFn, setSubscribeFn }) {
      setSubscribeFn(args => subscribeFn({ ...args, contextValue: (args.contextValue as unknown as Given).house }))
    },
    onResultProcess({ result, setResult }) {
      if (!('errors' in result) || !result.errors) return
      const errors = result.errors.map(error => (isOurs(error) ? error : coded(error, { hideSuggestions: production })))
      setResult({ ...result, errors: 'data' in result ? errors : errors.map(withStatus) })
    },
  }
}

function withStatus(error: GraphQLError): GraphQLError {
  const status = statusOf(error)
  if (status !== undefined) error.extensions.http = { status }
  return error
}
