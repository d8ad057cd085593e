import { isForeignKeyViolation, type Sql } from '../sql.ts'

/** What nodes ask of each other. All times are the database's. */

export interface NewCommand {
  id: string
  /** Who is to do it. */
  nodeId: string
  askedBy: string
  instanceId: string
  kind: string
  args: unknown
  /** Nobody waits any longer then. */
  lifeMs: number
}

/** False: the instance is gone. */
export async function insertCommand(sql: Sql, command: NewCommand): Promise<boolean> {
  const inserted = sql.query(
    `insert into command (id, node_id, asked_by, instance_id, kind, args, expires_at)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 ms')`,
    [
      command.id,
      command.nodeId,
      command.askedBy,
      command.instanceId,
      command.kind,
      JSON.stringify(command.args),
      command.lifeMs,
    ],
    'insert-command',
  )
  return inserted.then(
    () => true,
    error => {
      if (isForeignKeyViolation(error)) return false
      throw error
    },
  )
}

export interface TakenCommand {
  id: string
  askedBy: string
  instanceId: string
  kind: string
  args: unknown
}

/** Those that this node is asked for, oldest first: from now on they are begun. */
export function takeCommands(sql: Sql, of: { nodeId: string; limit: number }): Promise<TakenCommand[]> {
  return sql.query<TakenCommand>(
    `with due as (
       select id from command where node_id = $1 and taken_at is null and expires_at > clock_timestamp()
       order by created_at limit $2 for update skip locked)
     update command set taken_at = clock_timestamp() from due where command.id = due.id
     returning command.id, asked_by as "askedBy", instance_id as "instanceId", kind, args`,
    [of.nodeId, of.limit],
    'take-commands',
  )
}

export async function answerCommand(sql: Sql, of: { id: string; answer: unknown }): Promise<void> {
  await sql.query('update command set answer = $2 where id = $1', [of.id, JSON.stringify(of.answer)], 'answer-command')
}

/** How it stands: its answer; whether it was begun; whether who is to do it is there. */
export interface CommandStanding {
  answer: unknown
  taken: boolean
  alive: boolean
}

/** Null: it is gone. */
export async function findCommand(sql: Sql, id: string): Promise<CommandStanding | null> {
  const [row] = await sql.query<CommandStanding>(
    `select answer, taken_at is not null as taken, exists (select from node where id = node_id) as alive
     from command where id = $1`,
    [id],
    'find-command',
  )
  return row ?? null
}

/** False: it was begun, and nobody knows how it ends. */
export async function withdrawCommand(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql.query(
    'delete from command where id = $1 and taken_at is null returning 1 as one',
    [id],
    'withdraw-command',
  )
  return rows.length > 0
}

export async function deleteCommand(sql: Sql, id: string): Promise<void> {
  await sql.query('delete from command where id = $1', [id], 'delete-command')
}

/** Whoever asked is gone. */
export async function deleteOldCommands(sql: Sql): Promise<void> {
  await sql.query(`delete from command where expires_at < clock_timestamp() - interval '1 minute'`)
}
