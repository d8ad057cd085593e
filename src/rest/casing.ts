import type { GraphQLEnumValue } from 'graphql'

/** The one mechanical rule between GraphQL's names and those of REST. */

/** The name of a header, which no field can have, stays as it is. */
export const snake = (name: string): string =>
  name.includes('-') ? name : name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

export const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Of a dotted path. */
export const snakePath = (path: string): string => path.split('.').map(snake).join('.')

/** Of a value of an enum. A name in GraphQL holds no dot: a word that has one, as those of events, is the value. */
export const enumWord = ({ name, value }: GraphQLEnumValue): string => (typeof value === 'string' ? value : name)
