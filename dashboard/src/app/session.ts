import { createContext, useContext } from 'react'
import { graphql, type ResultOf } from '../graphql/graphql.ts'

export const MeDocument = graphql(`
  query Me {
    me {
      id
      name
      email
      plan
      status
      createdAt
    }
  }
`)

export type Me = ResultOf<typeof MeDocument>['me']

export const MeContext = createContext<Me | null>(null)

/** Who is signed in: behind the gate there always is somebody. */
export function useMe(): Me {
  const me = useContext(MeContext)
  if (!me) throw new Error('only for pages of who is signed in')
  return me
}

/** To whoever is not signed in. */
export const isOpen = (path: string): boolean => path === '/login' || path === '/docs'

let isLeaving = false

/** With the page goes all that it knows. Whoever signs out is told of it more than once: the first time counts. */
export function leave(): void {
  if (isLeaving || isOpen(location.pathname)) return
  isLeaving = true
  location.assign('/login')
}

/** Browsers keep pages as they were, to go back to: whoever was signed in then need not be now. */
export function startAnewOnReturn(): void {
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
}
