import { isForeignKeyViolation, type Sql } from '../sql.ts'

/**
 * Who may write for an instance: the process with the newest epoch. Each statement that writes for a session locks
 * the lease `for share` first, so that a take-over waits for what is under way and refuses what comes later. Who wants
 * the lease and the instance's own row takes the lease first.
 */

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

export interface Taking {
  instanceId: string
  /** The process. What it holds already it goes on holding, under the same epoch. */
  owner: string
  now: Date
  ttlMs: number
}

/** The epoch, one more than that of any other owner before; null when the instance is gone. Asks nobody. */
export async function takeLease(sql: Sql, { instanceId, owner, now, ttlMs }: Taking): Promise<number | null> {
  const taken = sql.query<{ epoch: string }>(
    `insert into instance_lease as lease (instance_id, owner, epoch, expires_at)
     select id, $2, 1, $3 from instance where id = $1
     on conflict (instance_id) do update set owner = excluded.owner, expires_at = excluded.expires_at,
       epoch = case when lease.owner = excluded.owner then lease.epoch else lease.epoch + 1 end
     returning epoch`,
    [instanceId, owner, new Date(now.getTime() + ttlMs)],
    'take-lease',
  )
  const [row] = await taken.catch(error => {
    // Deleted while this waited for the row.
    if (isForeignKeyViolation(error)) return []
    throw error
  })
  return row ? Number(row.epoch) : null
}

/**
 * Nobody writes for the instance any more until somebody takes the lease anew; in a transaction, until that has ended.
 * False: the instance is gone.
 */
export async function endLease(sql: Sql, instanceId: string, now: Date): Promise<boolean> {
  return (await takeLease(sql, { instanceId, owner: '', now, ttlMs: 0 })) !== null
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
