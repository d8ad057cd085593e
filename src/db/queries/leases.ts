import { isForeignKeyViolation, type Sql } from '../sql.ts'
import { connectionRolled } from './connection-rolled.ts'
import type { Runnable } from './instances.ts'

/**
 * Who may write for an instance: the node with the newest epoch. Each statement that writes for a session locks
 * the lease `for share` first, so that a take-over waits for what is under way and refuses what comes later. Who wants
 * the lease and the instance's own row takes the lease first. A lease is as good as its owner's row in `node`: nothing
 * is written to renew it. Of a lease that nobody has, `expires_at` says until when somebody had it.
 */

/** In `expires_at`: it is not known yet. The version before this one takes it for over. */
const NOT_KNOWN = `'-infinity'`

/** Whether nobody has an instance, by its `lease`, if there is one. */
const IS_FREE = `(lease.owner is null or lease.owner not in (select id from node))`
const FREE_SINCE = `nullif(lease.expires_at, ${NOT_KNOWN})`
/** Of an instance and its `lease`, if there is one: since when nobody has it; null: somebody has, or it is not known. */
export const NOBODYS_SINCE = `case when ${IS_FREE} then ${FREE_SINCE} end`

/** What a session wrote under an epoch that is over. The party knows it by its name. */
export class LeaseLost extends Error {
  constructor(instanceId: string) {
    super(`another session has taken ${instanceId} over`)
    this.name = 'LeaseLost'
  }
}

/** Expressions, such as `$1`, for the instance and the epoch. */
export interface Holder {
  instance: string
  epoch: string
}

/** A common table expression named `held`, with one row while the epoch is the newest and none afterwards. */
export const heldLease = ({ instance, epoch }: Holder): string =>
  `held as (select from instance_lease where instance_id = ${instance} and epoch = ${epoch} for share)`

/**
 * The epoch, one more than that of any other owner before; what the node holds already it goes on holding, under the
 * same epoch. What was connected is so no more, and was until its lease came free. `held`: another node lives that has
 * it. Null: the instance is gone.
 */
export async function takeLease(
  sql: Sql,
  { instanceId, owner }: { instanceId: string; owner: string },
): Promise<number | 'held' | null> {
  const taken = sql.query<{ epoch: string }>(
    `with free as (
       select ${FREE_SINCE} as since from instance_lease lease where instance_id = $1 and owner <> $2 and ${IS_FREE}),
     taken as (
       insert into instance_lease as lease (instance_id, owner, epoch, expires_at)
         select id, $2, 1, ${NOT_KNOWN} from instance where id = $1
       on conflict (instance_id) do update set owner = excluded.owner, expires_at = excluded.expires_at,
         epoch = case when lease.owner = excluded.owner then lease.epoch else lease.epoch + 1 end
       where lease.owner = excluded.owner or not exists (select from node where id = lease.owner)
       returning instance_id, epoch),
     was as (
       select instance.id, tenant_id, state, state_at, least(since, statement_timestamp()) as ended_at
       from instance join taken on taken.instance_id = instance.id, free where state = 'connected'
       for no key update of instance),
     ${connectionRolled({ at: 'was.ended_at', state: `''`, error: 'null::text' })},
     settled as (
       update instance set state = 'reconnecting', state_at = statement_timestamp() from was where instance.id = was.id)
     select epoch from taken`,
    [instanceId, owner],
    'take-lease',
  )
  const [row] = await taken.catch(unlessGone)
  if (row) return Number(row.epoch)
  return (await findEpoch(sql, instanceId)) === null ? null : 'held'
}

/**
 * Nobody writes for the instance any more until somebody takes the lease anew; in a transaction, until that has ended.
 * False: the instance is gone.
 */
export async function endLease(sql: Sql, instanceId: string): Promise<boolean> {
  const ended = sql.query(
    `insert into instance_lease as lease (instance_id, owner, epoch) select id, '', 1 from instance where id = $1
     on conflict (instance_id) do update set owner = '', epoch = lease.epoch + 1 returning 1 as one`,
    [instanceId],
    'end-lease',
  )
  return (await ended.catch(unlessGone)).length > 0
}

/** Deleted while a statement waited for the row. */
function unlessGone(error: unknown): [] {
  if (isForeignKeyViolation(error)) return []
  throw error
}

/** Whoever wants it may have it. False: the owner did not have it any more. */
export async function releaseLease(
  sql: Sql,
  { instanceId, owner }: { instanceId: string; owner: string },
): Promise<boolean> {
  const rows = await sql.query(
    `update instance_lease set owner = '', epoch = epoch + 1, expires_at = clock_timestamp()
     where instance_id = $1 and owner = $2 returning 1 as one`,
    [instanceId, owner],
    'release-lease',
  )
  return rows.length > 0
}

/** The newest one; null when the instance is gone. */
export async function findEpoch(sql: Sql, instanceId: string): Promise<number | null> {
  const [row] = await sql.query<{ epoch: string }>(
    'select epoch from instance_lease where instance_id = $1',
    [instanceId],
    'find-epoch',
  )
  return row ? Number(row.epoch) : null
}

/** The node that lives and has the instance; null: none. */
export async function findOwner(sql: Sql, instanceId: string): Promise<string | null> {
  const [row] = await sql.query<{ owner: string }>(
    'select owner from instance_lease join node on node.id = owner where instance_id = $1',
    [instanceId],
    'find-owner',
  )
  return row?.owner ?? null
}

/** Of what an instance's state says. */
const HAS_SOCKET = `state not in ('disconnected', 'logged_out', 'error')`
const IS_TO_START = `wanted and state <> 'logged_out' and (auto_reconnect or not linked)`

export interface Shares {
  /** Leases of this node. */
  mine: number
  /** Of all nodes that live, with those that are to be had. */
  all: number
  free: number
  /** Nodes that take instances. */
  nodes: number
  /** Whether this one takes none. */
  draining: boolean
}

/** How the instances are spread. */
export async function countLeases(sql: Sql, owner: string): Promise<Shares> {
  const [row] = await sql.query<Shares>(
    `select count(*) filter (where lease.owner = $1)::int as mine, count(*)::int as all,
       count(*) filter (where ${IS_FREE})::int as free, (select count(*)::int from node where not draining) as nodes,
       coalesce((select draining from node where id = $1), false) as draining
     from instance left join instance_lease lease on lease.instance_id = instance.id
     where not ${IS_FREE} or ${IS_TO_START}`,
    [owner],
    'count-leases',
  )
  return row!
}

export interface Claimed extends Runnable {
  epoch: number
}

type Claim = Runnable & { epoch: string }
const numbered = (row: Claim): Claimed => ({ ...row, epoch: Number(row.epoch) })

/**
 * Takes up to `limit` instances of nobody that are to be connected, and brings their states in line with that. What was
 * connected was so until its lease came free.
 */
export async function claimFree(sql: Sql, of: { owner: string; limit: number; now: Date }): Promise<Claimed[]> {
  const rows = await sql.query<Claim>(
    `with free as (
       select instance.id, ${FREE_SINCE} as since from instance
         left join instance_lease lease on lease.instance_id = instance.id
       where ${IS_FREE} and ${IS_TO_START} order by instance.id limit $2),
     taken as (
       insert into instance_lease as lease (instance_id, owner, epoch, expires_at)
         select id, $1, 1, ${NOT_KNOWN} from free order by id
       on conflict (instance_id) do update set owner = excluded.owner, epoch = lease.epoch + 1, expires_at = excluded.expires_at
         where ${IS_FREE}
       returning instance_id, epoch),
     was as (
       select instance.id, tenant_id, state, state_at, epoch, least(since, $3::timestamptz) as ended_at
       from instance join taken on taken.instance_id = instance.id join free on free.id = instance.id
       order by instance.id for no key update of instance),
     ${connectionRolled({ at: 'was.ended_at', state: `''`, error: 'null::text' })}
     update instance set qr = null, qr_expires_at = null, state_at = $3,
       state = case when linked then 'reconnecting' else 'connecting' end
     from was where instance.id = was.id
     returning instance.id, sandbox, auto_reconnect as "autoReconnect", epoch`,
    [of.owner, of.limit, of.now],
    'claim-free',
  )
  return rows.map(numbered)
}

/** What this node has, is to run, and by its state runs, but for what is running. */
export async function findStranded(sql: Sql, of: { owner: string; running: string[] }): Promise<Claimed[]> {
  const rows = await sql.query<Claim>(
    `select instance.id, sandbox, auto_reconnect as "autoReconnect", epoch
     from instance_lease lease join instance on instance.id = lease.instance_id
     where lease.owner = $1 and ${IS_TO_START} and ${HAS_SOCKET} and instance.id <> all($2::text[])`,
    [of.owner, of.running],
    'find-stranded',
  )
  return rows.map(numbered)
}

/** What nobody has and nobody is to start has no socket, whatever its state says. */
export async function settleFree(sql: Sql, now: Date): Promise<void> {
  await sql.query(
    `with was as (
       select id, tenant_id, state, state_at, least(${FREE_SINCE}, $1::timestamptz) as ended_at
       from instance left join instance_lease lease on lease.instance_id = instance.id
       where ${IS_FREE} and not (${IS_TO_START}) and ${HAS_SOCKET}
       order by id for no key update of instance),
     ${connectionRolled({ at: 'was.ended_at', state: `''`, error: 'null::text' })}
     update instance set qr = null, qr_expires_at = null, state_at = $1, state = 'disconnected'
     from was where instance.id = was.id`,
    [now],
    'settle-free',
  )
}
