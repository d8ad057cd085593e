import type { Sql } from '../sql.ts'

/**
 * The processes on this database. A row that is there is a node that lives, whatever its `expires_at`: who takes its
 * instances removes it first, and it notices at its next beat.
 */

export interface NewNode {
  id: string
  host: string
  /** Names the process on its machine. */
  process: string
  /** As which PostgreSQL shows its connections. */
  connections: string
  version: string
  draining: boolean
  leaseMs: number
}

export async function insertNode(sql: Sql, node: NewNode): Promise<void> {
  await sql.query(
    `insert into node (id, host, process, connections, version, draining, expires_at)
     values ($1, $2, $3, $4, $5, $6, clock_timestamp() + $7 * interval '1 ms')`,
    [node.id, node.host, node.process, node.connections, node.version, node.draining, node.leaseMs],
    'insert-node',
  )
}

export interface Beat {
  draining: boolean
  /** All that are there, this one included. */
  nodes: { id: string; process: string; beats: number; expired: boolean; draining: boolean }[]
  databaseMs: number
}

/** This node lives; null: others have taken it for dead, and what it held is theirs. */
export async function beatNode(sql: Sql, of: { id: string; leaseMs: number; lagMs: number }): Promise<Beat | null> {
  const [row] = await sql.query<Beat>(
    `with beaten as (
       update node set beats = beats + 1, beat_at = clock_timestamp(), lag_ms = $3,
         expires_at = clock_timestamp() + $2 * interval '1 ms'
       where id = $1 returning draining)
     select draining, extract(epoch from clock_timestamp())::float8 * 1000 as "databaseMs",
       (select json_agg(json_build_object('id', id, 'process', process, 'beats', beats, 'draining', draining,
          'expired', expires_at < clock_timestamp())) from node) as nodes
     from beaten`,
    [of.id, of.leaseMs, of.lagMs],
    'beat-node',
  )
  return row ?? null
}

/**
 * Deletes nodes; their leases say from then on until when somebody had them: to the last beat. Not those that are locked,
 * for that may be by a process that is stopped: then it is not known.
 */
const goneNodes = (which: string): string =>
  `with gone as (delete from node where ${which} returning id, connections, beat_at),
   held as (
     select instance_id, beat_at from instance_lease join gone on gone.id = owner
     for no key update of instance_lease skip locked),
   freed as (
     update instance_lease lease set expires_at = beat_at from held where lease.instance_id = held.instance_id)
   select connections from gone`

/** This process takes part no more. */
export async function removeNode(sql: Sql, id: string): Promise<void> {
  await sql.query(goneNodes('id = $1'), [id], 'remove-node')
}

/**
 * Takes a node for dead that has not beaten since; false when it has, or is gone already. Its connections are cut: a
 * process that is stopped amid a transaction would keep the rows locked of what is to be taken over.
 */
export async function buryNode(sql: Sql, of: { id: string; beats: number }): Promise<boolean> {
  const rows = await sql.query<{ connections: string }>(
    goneNodes('id = $1 and beats = $2'),
    [of.id, of.beats],
    'bury-node',
  )
  for (const { connections } of rows) {
    await sql.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and usename = current_user',
      [connections],
      'cut-connections',
    )
  }
  return rows.length > 0
}

/** For a process that is known to be the only one. */
export async function removeAllNodes(sql: Sql): Promise<void> {
  await sql.query(goneNodes('true'))
}

/** `silent`: its lease has run out, and nobody has taken its instances yet. */
export type NodeState = 'active' | 'draining' | 'silent'

export const NODE_STATE = `case when expires_at < clock_timestamp() then 'silent' when draining then 'draining' else 'active' end`

/** What it is by then; null: there is no such node. */
export async function drainNode(sql: Sql, of: { id: string; draining: boolean }): Promise<NodeState | null> {
  const [row] = await sql.query<{ state: NodeState }>(
    `update node set draining = $2 where id = $1 returning ${NODE_STATE} as state`,
    [of.id, of.draining],
  )
  return row?.state ?? null
}

export interface NodeRow {
  id: string
  host: string
  version: string
  startedAt: Date
  beatAt: Date
  lagMs: number
  state: NodeState
  /** How many it holds. */
  instances: number
}

export function listNodes(sql: Sql): Promise<NodeRow[]> {
  return sql.query<NodeRow>(
    `select id, host, version, started_at as "startedAt", beat_at as "beatAt", lag_ms as "lagMs", ${NODE_STATE} as state,
       (select count(*)::int from instance_lease where owner = node.id) as instances
     from node order by started_at, id`,
  )
}

/** The node that takes instances and has the fewest; null: none takes any. */
export async function findTaker(sql: Sql): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(
    `select id from node where not draining
     order by (select count(*) from instance_lease where owner = node.id), id limit 1`,
    [],
    'find-taker',
  )
  return row?.id ?? null
}
