/** What Stripe's clients send: `a[b][0]=c`, as it was meant. */

export type Value = string | Params | Value[]
export interface Params {
  [name: string]: Value
}

const DEPTH_MAX = 8
const FIELDS_MAX = 500

export function paramsOf(encoded: string): Params {
  const root = Object.create(null) as Params
  let fields = 0
  for (const [name, value] of new URLSearchParams(encoded)) {
    if (++fields > FIELDS_MAX) break
    const path = [...name.matchAll(/[^[\]]+/g)].map(([part]) => part).slice(0, DEPTH_MAX)
    let at = root
    for (const part of path.slice(0, -1)) {
      const next = at[part]
      at = (typeof next === 'object' ? next : (at[part] = Object.create(null) as Params)) as Params
    }
    at[path.at(-1) ?? ''] = value
  }
  return root
}

export const textIn = (params: Params | undefined, name: string): string | undefined => {
  const value = params?.[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export const paramsIn = (params: Params | undefined, name: string): Params | undefined => {
  const value = params?.[name]
  return typeof value === 'object' && !Array.isArray(value) ? value : undefined
}

/** Numbered from nothing on. */
export const listIn = (params: Params | undefined, name: string): Params[] =>
  Object.values(paramsIn(params, name) ?? {}).filter(
    each => typeof each === 'object' && !Array.isArray(each),
  ) as Params[]

export const textsIn = (params: Params | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(params ?? {}).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
