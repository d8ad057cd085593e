import { LRUCache } from 'lru-cache'
import type { App, Context } from '../../context.ts'
import { countMessage, findTerms, findUsed, type Terms, uncountMessage } from '../../db/queries/usage.ts'
import type { Sql } from '../../db/sql.ts'
import { notFound, quotaExceeded } from '../../errors.ts'
import { type Cycle, cycleOf } from './cycle.ts'
import { findPlan, type Plan } from './plans.ts'

/** What a tenant may send, counted with the message in one transaction. */

export interface Reserved {
  /** The cycle that has it, to be kept with the message: there it is given back. */
  countedIn: Date
  /** After this message; null: there is no limit. */
  quota: { used: number; included: number } | null
}

/** A message that is stored in the same transaction, and keeps in which cycle it was counted. */
export interface Countable {
  tenantId: string
  instanceId: string
  messageId: string
}

type Source = Pick<App, 'clock' | 'config'> & Partial<Pick<Context, 'facts'>>

/**
 * Counts one message against the tenant's cycle, or throws `quotaExceeded`. The row stays locked until the caller's
 * transaction ends, and all of a tenant's messages go over it: call this last. What the headers say goes into `facts`.
 */
export async function reserve(sql: Sql, app: Source, message: Countable): Promise<Reserved> {
  const { tenantId } = message
  let terms = known.get(tenantId) ?? (await findTerms(sql, tenantId))
  while (terms) {
    const { cycleStart, cycleEnd, included } = expectedBy(app, terms)
    const counted = await countMessage(sql, { ...message, ...terms, cycleStart, cycleEnd, included })
    if (counted?.used != null) {
      known.set(tenantId, terms)
      tellUsed(app, { included, used: counted.used })
      return { countedIn: cycleStart, quota: included === null ? null : { used: counted.used, included } }
    }
    if (counted && isSame(counted, terms)) {
      // More than all of it, after a change to a smaller plan.
      const used = Math.max(included!, await findUsed(sql, tenantId, cycleStart))
      tellUsed(app, { included, used })
      throw quotaExceeded({ used, included: included!, resetsAt: cycleEnd })
    }
    terms = counted && { plan: counted.plan, anchor: counted.anchor }
  }
  throw notFound('tenant')
}

/** By what a message is counted, as far as it is known without asking: the statement that counts it checks that. */
export interface Expected {
  terms: Terms
  cycleStart: Date
  cycleEnd: Date
  /** Null: without a limit. */
  included: number | null
}

/** Null: nothing is known yet. */
export function expectedOf(app: Source, tenantId: string): Expected | null {
  const terms = known.get(tenantId)
  return terms ? expectedBy(app, terms) : null
}

function expectedBy(app: Source, terms: Terms): Expected {
  const { start: cycleStart, end: cycleEnd } = cycleOf(terms.anchor, app.clock.now())
  return { terms, cycleStart, cycleEnd, included: app.config.quota ? planOf(terms).includedMessages : null }
}

/** For the headers; without a limit there is nothing to say. */
export function tellUsed(app: Source, { included, used }: { included: number | null; used: number }): void {
  if (included !== null && app.facts) app.facts.quota = { used, included }
}

/** A message that was counted has finally failed. The caller sees to it that this happens once. */
export async function giveBack(sql: Sql, of: { tenantId: string; countedIn: Date | null }): Promise<void> {
  if (of.countedIn) await uncountMessage(sql, of.tenantId, of.countedIn)
}

export interface Usage {
  plan: Plan
  cycle: Cycle
  used: number
}

/** Null: there is no such tenant. */
export async function usageOf(sql: Sql, app: Source, tenantId: string): Promise<Usage | null> {
  const terms = await findTerms(sql, tenantId)
  if (!terms) return null
  const cycle = cycleOf(terms.anchor, app.clock.now())
  return { plan: planOf(terms), cycle, used: await findUsed(sql, tenantId, cycle.start) }
}

/** A guess that spares a question: the statement that counts checks it. */
const known = new LRUCache<string, Terms>({ max: 10_000 })

const isSame = (a: Terms, b: Terms): boolean => a.plan === b.plan && a.anchor.getTime() === b.anchor.getTime()

function planOf({ plan }: Terms): Plan {
  const found = findPlan(plan)
  if (!found) throw new Error(`there is no plan named ${plan}`)
  return found
}
