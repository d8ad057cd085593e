/** The one mechanical rule between GraphQL's names and those of REST. */

export const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)

export const camel = (name: string): string => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Of a dotted path. */
export const snakePath = (path: string): string => path.split('.').map(snake).join('.')
