import type { App } from '../../context.ts'
import { answerCommand, deleteOldCommands, type TakenCommand, takeCommands } from '../../db/queries/commands.ts'
import { findOwner } from '../../db/queries/leases.ts'
import { ApiError } from '../../errors.ts'
import { HeldElsewhere } from '../instances/startSession.ts'
import { COMMANDS, type Kind } from './commands.ts'
import type { Answer } from './onOwner.ts'

const BATCH_MAX = 50

/** Begins what other nodes ask of this one. Called when one tells so, and by the clock. */
export async function answerCommands(app: App): Promise<void> {
  if (!app.node.shared || !app.node.holds) return
  for (let taken = BATCH_MAX; taken === BATCH_MAX; ) {
    const commands = await takeCommands(app.db.sql, { nodeId: app.node.id, limit: BATCH_MAX })
    for (const command of commands) app.background('command', answerOne(app, command))
    taken = commands.length
  }
}

async function answerOne(app: App, command: TakenCommand): Promise<void> {
  const answer = await run(app, command)
  await answerCommand(app.db.sql, { id: command.id, answer })
  app.relay.tellAll(['answer', command.id])
}

async function run(app: App, { instanceId, kind, args }: TakenCommand): Promise<Answer> {
  try {
    const owner = await findOwner(app.db.sql, instanceId)
    if (owner !== null && owner !== app.node.id) return { elsewhere: true }
    const work = COMMANDS[kind as Kind] as (app: App, instanceId: string, args: unknown) => Promise<unknown>
    return { result: (await work(app, instanceId, args)) ?? null }
  } catch (error) {
    if (error instanceof HeldElsewhere) return { elsewhere: true }
    if (error instanceof ApiError) return { error: { code: error.code, message: error.message } }
    app.log.warn({ err: error, instanceId, command: kind }, 'what another node asked for failed')
    return { error: { code: 'unavailable', message: 'WhatsApp did not take it: try again' } }
  }
}

/** The clock's call. */
export const tidyCommandsDue = (app: App): Promise<void> => deleteOldCommands(app.db.sql)
