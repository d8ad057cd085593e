import { useDeferStream } from '@graphql-yoga/plugin-defer-stream'
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  NoSchemaIntrospectionCustomRule,
  parse,
} from 'graphql'
import { createYoga, handleStreamOrSingleExecutionResult, type Plugin } from 'graphql-yoga'
import { LRUCache } from 'lru-cache'
import type { Context } from '../context.ts'
import { invalid } from '../errors.ts'
import { isOnce } from '../schema/mutations.ts'
import type { Log } from '../telemetry/log.ts'
import { coded, isOurs, masked, maskedResult, statusOf } from './graphql-errors.ts'
import { assertWithinLimits, LIMITS, rootFields, tooMuch } from './graphql-limits.ts'
import { type Upload, withFile } from './graphql-upload.ts'
import { assertVariables } from './graphql-variables.ts'

/** Yoga, set up: the transport of GraphQL, over HTTP, SSE and (through `getEnveloped`) WebSocket. */

export interface YogaOptions {
  log: Log
  /** As it is to be served: with `checked` around its root fields. */
  schema: GraphQLSchema
  /** Closes GraphiQL and introspection for callers without credentials; hides suggestions of names. */
  production: boolean
  /**
   * Called with the number of root fields beyond the first, which the request itself has paid for; rejects with
   * `rate_limited` when they are too many.
   */
  charge?: (ctx: Context, operations: number) => Promise<void> | void
}

/** What Yoga is given with a request; resolvers get `house` alone. */
export interface Given {
  house: Context
  /** What Yoga, or the WebSocket, read of the request. */
  params?: { extensions?: Record<string, unknown> | null }
  /** A file that came with it. */
  upload?: Upload
}

const isKnown = (given?: Given): boolean => Boolean(given?.house.caller || given?.house.operator)

export type Yoga = ReturnType<typeof createHouseYoga>

/** Parsed documents take some twenty times their text: bounded by length, not by number. */
const DOCUMENTS_MAX_CHARACTERS = 2_000_000

export function createHouseYoga(options: YogaOptions) {
  const { schema, log, production } = options
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
    graphiql: (_request, given) => (production && !isKnown(given) ? false : { title: 'Wataki' }),
    renderGraphiQL,
    parserAndValidationCache: { documentCache: cache<DocumentNode>(), errorCache: cache<Error>() },
    maskedErrors: { maskError: error => masked(log, error, { hideSuggestions: production }) },
    plugins: [limits(schema), house(options), useDeferStream()],
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

/** Thrown in the midst of parsing, so that neither the rules of GraphQL nor the caches see what asks for too much. */
function limits(schema: GraphQLSchema): Plugin<Given> {
  return {
    onParse({ context, setParseFn }) {
      setParseFn((source, options) => parse(source, { ...options, maxTokens: LIMITS.tokens }))
      return ({ result }) => {
        if (result instanceof Error) {
          if (/^Syntax Error: Document contains more that \d+ tokens/.test(result.message))
            throw tooMuch({ tokens: null })
          return
        }
        const { variables } = (context as { params?: { variables?: unknown } }).params ?? {}
        assertWithinLimits({ schema, document: result as DocumentNode, variables })
      }
    },
  }
}

/** What the house wants of Yoga beyond its options. */
function house({ log, schema, production, charge }: YogaOptions): Plugin<Given> {
  const maskFor = (ctx: Context) => (error: unknown) => {
    const told = masked(log, error, { requestId: ctx.requestId, hideSuggestions: production })
    noteRefusal(ctx, told)
    return told
  }
  return {
    onParams({ params, setParams, context }) {
      const { upload } = context as unknown as Given
      if (upload) setParams(withFile(params, upload))
    },
    onValidate({ context, addValidationRule }) {
      if (production && !isKnown(context as unknown as Given)) addValidationRule(NoSchemaIntrospectionCustomRule)
    },
    async onExecute({ args, executeFn, setExecuteFn, setResultAndStopExecution }) {
      const ctx = args.contextValue.house
      const operation = getOperationAST(args.document, args.operationName)
      const fields = operation ? rootFields(args.document, operation) : []
      ctx.facts.operations = [...new Set(fields)]
      if (operation) ctx.metrics.http.operated(operation.operation)
      const mask = maskFor(ctx)
      try {
        if (operation) assertVariables(schema, operation, args.variableValues)
        takeKey(schema, args.contextValue, fields)
        if (charge && fields.length > 1) await charge(ctx, fields.length - 1)
      } catch (error) {
        // Not thrown: over WebSocket that would end the socket.
        return void setResultAndStopExecution({ errors: [mask(error) as GraphQLError] })
      }
      setExecuteFn(args => executeFn({ ...args, contextValue: args.contextValue.house }))
      return {
        onExecuteDone: payload =>
          handleStreamOrSingleExecutionResult(payload as never, ({ result, setResult }) =>
            setResult(maskedResult(result, mask)),
          ),
      }
    },
    onSubscribe({ args, subscribeFn, setSubscribeFn, setResultAndStopExecution }) {
      const ctx = (args.contextValue as unknown as Given).house
      const operation = getOperationAST(args.document, args.operationName)
      ctx.facts.operations = operation ? rootFields(args.document, operation) : []
      if (operation) ctx.metrics.http.operated(operation.operation)
      const mask = maskFor(ctx)
      try {
        if (operation) assertVariables(schema, operation, args.variableValues)
      } catch (error) {
        return void setResultAndStopExecution({ errors: [mask(error) as GraphQLError] })
      }
      setSubscribeFn(args => subscribeFn({ ...args, contextValue: ctx }))
      return {
        onSubscribeResult: payload =>
          handleStreamOrSingleExecutionResult(payload as never, ({ result, setResult }) =>
            setResult(maskedResult(result, mask)),
          ),
      }
    },
    onResultProcess({ result, setResult, serverContext }) {
      if (!('errors' in result) || !result.errors) return
      const errors = result.errors.map(error => (isOurs(error) ? error : coded(error, { hideSuggestions: production })))
      for (const error of errors) noteRefusal((serverContext as unknown as Given).house, error)
      setResult({ ...result, errors: 'data' in result ? errors : errors.map(withStatus) })
    },
  }
}

/** One key goes with one answer. In `extensions` it is the operation's own, over WebSocket too. */
function takeKey(schema: GraphQLSchema, { house, params }: Given, fields: string[]): void {
  const own = params?.extensions?.idempotencyKey
  if (own != null) house.idempotencyKey = typeof own === 'string' ? own : ''
  if (house.idempotencyKey === null) return
  const mutations = schema.getMutationType()?.getFields() ?? {}
  const once = fields.filter(name => mutations[name] && isOnce(mutations[name]))
  if (once.length > 1) throw invalid({ 'Idempotency-Key': 'must go with one operation that creates or sends' })
}

/** Of several errors the first. What was answered beside them may be fine. */
function noteRefusal({ facts }: Context, error: Error): void {
  const code = error instanceof GraphQLError ? error.extensions.code : undefined
  if (typeof code === 'string') facts.refusal ??= { code, message: error.message }
}

function withStatus(error: GraphQLError): GraphQLError {
  const status = statusOf(error)
  if (status !== undefined) error.extensions.http = { status }
  return error
}
