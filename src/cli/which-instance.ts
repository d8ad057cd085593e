import type { Account } from './account.ts'
import { ask, call, type Json } from './rest.ts'
import { Trouble, Usage } from './trouble.ts'

const LISTED_MAX = 200

/** The one that is named, by its id or its name, or the only one there is. */
export async function whichInstance(account: Account, named: string | undefined): Promise<string> {
  if (named?.startsWith('inst_')) return named
  const { data } = await call(account, 'GET', `/instances?limit=${LISTED_MAX}`)
  const [only, ...others] = data as { id: string; name: string }[]
  if (named !== undefined) {
    const found = (data as Json[]).find(each => each.name === named)
    if (!found) throw new Trouble(`there is no instance ${named}`, { code: 'not_found' })
    return found.id
  }
  if (!only) throw new Trouble('the account has no instance yet: wataki instances create makes one')
  if (others.length === 0) return only.id
  const names = (data as Json[]).slice(0, 20).map(each => `${each.id} (${each.name})`)
  throw new Usage(`which instance? Say --instance with one of ${names.join(', ')}`)
}

/** Its state, and the number of its newest event: what comes after that, comes from now on. */
export async function standingOf(account: Account, instanceId: string): Promise<{ seq: number; state: string }> {
  const query = 'query ($id: ID!) { instance(instanceId: $id) { eventCount status { state } } }'
  const { instance } = await ask(account, query, { id: instanceId })
  return { seq: instance.eventCount, state: instance.status.state }
}
