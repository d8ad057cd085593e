import { type GraphQLFieldConfig, GraphQLObjectType, GraphQLSchema } from 'graphql'
import type { Context } from '../context.ts'
import { tooManyStreams } from '../errors.ts'

/** How many subscriptions one tenant has open on this node, over SSE and WebSocket together. */

const STREAMS_MAX = 20

/** The schema with a seat taken for each stream, from its first event to its end, however it ends. */
export function seated(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig()
  if (!config.subscription) return schema
  const seats = new Map<string, number>()
  const type = config.subscription.toConfig()
  const fields = Object.entries(type.fields).map(([name, field]) => [name, withSeat(field, seats)])
  const subscription = new GraphQLObjectType({ ...type, fields: Object.fromEntries(fields) })
  return new GraphQLSchema({
    ...config,
    subscription,
    types: config.types.filter(each => each !== config.subscription),
  })
}

type Field = GraphQLFieldConfig<unknown, Context>

function withSeat(field: Field, seats: Map<string, number>): Field {
  const { subscribe } = field
  return {
    ...field,
    async subscribe(root, args, ctx, info) {
      const leave = take(seats, ctx.caller?.tenantId ?? '', () => ctx.metrics.http.subscribed(info.fieldName))
      try {
        return whileReading((await subscribe!(root, args, ctx, info)) as AsyncIterable<unknown>, leave)
      } catch (error) {
        leave()
        throw error
      }
    },
  }
}

/** The answer gives the seat back, once, and ends what `begin` began. */
function take(seats: Map<string, number>, tenantId: string, begin: () => () => void): () => void {
  const taken = seats.get(tenantId) ?? 0
  if (taken >= STREAMS_MAX) throw tooManyStreams(STREAMS_MAX)
  seats.set(tenantId, taken + 1)
  const end = begin()
  let isTaken = true
  return () => {
    if (!isTaken) return
    isTaken = false
    end()
    const left = seats.get(tenantId)! - 1
    if (left === 0) seats.delete(tenantId)
    else seats.set(tenantId, left)
  }
}

function whileReading(source: AsyncIterable<unknown>, leave: () => void): AsyncIterableIterator<unknown> {
  const events = source[Symbol.asyncIterator]()
  const done = { value: undefined, done: true } as const
  return {
    async next() {
      try {
        const result = await events.next()
        if (result.done) leave()
        return result
      } catch (error) {
        leave()
        throw error
      }
    },
    async return() {
      leave()
      return (await events.return?.()) ?? done
    },
    async throw(error) {
      leave()
      if (!events.throw) throw error
      return events.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
