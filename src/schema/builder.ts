import SchemaBuilder from '@pothos/core'
import { GraphQLError, Kind } from 'graphql'
import type { Context } from '../context.ts'
import type { UploadedFile } from '../resolvers/media/uploaded-file.ts'

/** Pothos, set up; no type of the house in it. Chapters beside this file define types and the fields that call operations. */
export const builder = new SchemaBuilder<{
  Context: Context
  DefaultFieldNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: unknown; Output: unknown }
    Upload: { Input: UploadedFile; Output: never }
  }
}>({ defaultFieldNullability: false })

builder.queryType({ description: 'What can be read.' })
builder.mutationType({ description: 'What can be changed.' })
builder.subscriptionType({ description: 'What can be listened to, over WebSocket (`graphql-transport-ws`) or SSE.' })

/** Without an offset it would be the time of wherever the server stands. */
const ISO_8601 = /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d(?::?\d\d)?)$/i

const parseTime = (value: unknown): Date => {
  const time = typeof value === 'string' && ISO_8601.test(value) ? new Date(value.replace(/[+-]\d\d$/, '$&:00')) : null
  if (!time || Number.isNaN(time.getTime()))
    throw new GraphQLError('must be an ISO 8601 time with an offset, such as Z or +02:00')
  return time
}

builder.scalarType('DateTime', {
  description: 'An instant: ISO 8601 in UTC with milliseconds, such as `2025-01-01T00:00:00.000Z`.',
  serialize: value => value.toISOString(),
  parseValue: parseTime,
  parseLiteral: node => parseTime(node.kind === Kind.STRING ? node.value : null),
})

builder.scalarType('JSON', {
  description: 'Any JSON value, as it is: nothing in it is renamed.',
  serialize: value => value,
})
