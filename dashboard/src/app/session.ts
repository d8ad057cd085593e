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

let isLeaving = false

/** With the page goes all that it knows. Whoever signs out is told of it more than once: the first time counts. */
export function leave(): void {
  if (isLeaving || ['/login', '/docs'].includes(location.pathname)) return
  isLeaving = true
  location.assign('/login')
}
