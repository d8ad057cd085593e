import type { App } from '../../context.ts'
import { deleteCommand, findCommand, insertCommand, withdrawCommand } from '../../db/queries/commands.ts'
import { findOwner } from '../../db/queries/leases.ts'
import { findTaker } from '../../db/queries/nodes.ts'
import { ApiError, type ErrorCode, notFound, unavailable } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { HeldElsewhere } from '../instances/startSession.ts'
import { type ArgsOf, COMMANDS, type Kind, LIFE_MS, type ResultOf } from './commands.ts'

/** What the node that was asked has written down. */
export type Answer = { result: unknown } | { error: { code: ErrorCode; message: string } } | { elsewhere: true }

const ATTEMPTS = 4
/** How often an answer is looked for that nobody has told of. */
const LOOK_EVERY_MS = 1_000

/**
 * Does it where the instance's session is, here or on another node, with the same result and the same errors. Where no
 * node has the instance, it is done here. 503 when the node that began it ended meanwhile, or does not answer.
 */
export async function onOwner<K extends Kind>(
  app: App,
  instanceId: string,
  kind: K,
  args: ArgsOf<K>,
): Promise<ResultOf<K>> {
  const work = COMMANDS[kind] as (app: App, instanceId: string, args: ArgsOf<K>) => Promise<ResultOf<K>>
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const owner = app.node.shared ? await findPlace(app, instanceId, kind) : null
    if (owner !== null && owner !== app.node.id) {
      const answer = await ask(app, { owner, instanceId, kind, args })
      if (answer && 'result' in answer) return answer.result as ResultOf<K>
      if (answer && 'error' in answer) throw new ApiError(answer.error.code, answer.error.message)
      continue
    }
    try {
      return await work(app, instanceId, args)
    } catch (error) {
      if (!(error instanceof HeldElsewhere)) throw error
    }
  }
  throw unavailable('The instance is moving between nodes: try again')
}

/** Null: here. What nobody has does not begin on a node that is being emptied. */
async function findPlace(app: App, instanceId: string, kind: Kind): Promise<string | null> {
  const owner = await findOwner(app.db.sql, instanceId)
  return owner === null && kind === 'start' && app.node.draining ? findTaker(app.db.sql) : owner
}

interface Asking {
  owner: string
  instanceId: string
  kind: Kind
  args: unknown
}

/** Null: it was not begun, and will not be. */
async function ask(app: App, { owner, instanceId, kind, args }: Asking): Promise<Answer | null> {
  const { sql } = app.db
  const id = newId('cmd')
  const lifeMs = LIFE_MS[kind]
  const deadlineMs = performance.now() + lifeMs
  const command = { id, nodeId: owner, askedBy: app.node.id, instanceId, kind, args, lifeMs }
  if (!(await insertCommand(sql, command))) throw notFound('instance')
  // Waited for before it can be answered.
  let answered = app.asked.wait(id, LOOK_EVERY_MS)
  app.relay.tellAll(['command', owner])
  for (;;) {
    await answered
    answered = app.asked.wait(id, LOOK_EVERY_MS)
    const found = await findCommand(sql, id)
    if (!found) throw unavailable('What was asked of another node is lost: try again')
    if (found.answer !== null) {
      app.asked.answered(id)
      await deleteCommand(sql, id)
      return found.answer as Answer
    }
    const isLate = performance.now() >= deadlineMs
    if (found.alive && !isLate) continue
    app.asked.answered(id)
    if (!found.taken && (await withdrawCommand(sql, id)) && !found.alive) return null
    throw unavailable('The node that has the instance does not answer: try again')
  }
}
