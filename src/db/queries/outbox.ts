import type { Sql } from '../sql.ts'
import { heldLease } from './leases.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'
import { trailWith } from './trail.ts'

/** The messages that wait for WhatsApp: the rows of the message table that are `pending`. */

export interface ClaimedMessage {
  id: string
  tenantId: string
  whatsappId: string
  /** Our own id of the chat: what is sent to one goes in order. */
  chat: string
  /** Where it goes: the phone form once known. */
  to: string
  type: string
  attempts: number
  /** From then on it must not go out. */
  expiresAt: Date
  actionOf: string | null
  /** When it could have been claimed at the earliest. */
  dueAt: Date
  trace: string | null
  /** Sealed; null: to be built on the way (media), or nothing to send (a read receipt). */
  payload: Uint8Array | null
}

/**
 * Takes what is due for the wire, oldest first, and puts its next try off until `leaseUntil`. A chat whose older
 * message waits for a later try is left alone, so that order holds; what is `inFlight` is on the wire already. Under an
 * old epoch there is nothing to take.
 *
 * `pending_due` reads what is taken, and little more, whatever there is. Who changed one of those rows meanwhile is waited for by
 * nobody; what is locked is looked at once more.
 */
export async function claimPending(
  sql: Sql,
  of: {
    instanceId: string
    now: Date
    leaseUntil: Date
    inFlight: string[]
    limit: number
    epoch: number
    /** Of the trail of each. */
    step: string
  },
): Promise<ClaimedMessage[]> {
  const rows = await sql.query<ClaimedMessage>(
    `with ${heldLease({ instance: '$1', epoch: '$6' })},
     due as (
       select message.id, due.due_at from held, pending_due($1, $2, $4, $5) as due join message on message.id = due.id
       where (message.status = 'pending') is not false and message.next_attempt_at <= $2
       for update of message skip locked)
     update message set attempts = attempts + 1, next_attempt_at = $3, trail = ${trailWith('$7::text')} from due, chat
     where message.id = due.id and chat.id = message.chat
     returning message.id, message.tenant_id as "tenantId", message.whatsapp_id as "whatsappId", message.chat,
       coalesce(chat.group_jid, chat.phone, chat.lid) as "to", message.type, message.attempts,
       message.expires_at as "expiresAt", message.action_of as "actionOf", due.due_at as "dueAt",
       message.trace, message.payload`,
    [of.instanceId, of.now, of.leaseUntil, of.inFlight, of.limit, of.epoch, of.step],
    'claim-pending',
  )
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Puts a message and all later ones of its chat off: none may overtake it. The step is of the first alone. */
export async function postpone(
  sql: Sql,
  of: { instanceId: string; chat: string; from: string; until: Date; step: string },
): Promise<void> {
  await sql.query(
    `update message set next_attempt_at = $4, trail = case when id = $3 then ${trailWith('$5::text')} else trail end
     where instance_id = $1 and chat = $2 and id >= $3 and status = 'pending'`,
    [of.instanceId, of.chat, of.from, of.until, of.step],
    'postpone',
  )
}

/** All that is pending may go at once: after a reconnect nothing is on any wire. */
export async function makePendingDue(sql: Sql, instanceId: string, now: Date): Promise<void> {
  await sql.query(
    `update message set next_attempt_at = $2 where instance_id = $1 and status = 'pending' and next_attempt_at > $2`,
    [instanceId, now],
    'make-pending-due',
  )
}

/** What was built on the way, so that every later try is the same. False: the message is not pending any more. */
export async function keepPayload(
  sql: Sql,
  of: { instanceId: string; id: string; payload: Uint8Array },
): Promise<boolean> {
  const rows = await sql.query(
    `update message set payload = $3 where (instance_id = $1) is not false and id = $2 and (status = 'pending') is not false and payload is null
     returning 1 as one`,
    [of.instanceId, of.id, of.payload],
    'keep-payload',
  )
  return rows.length > 0
}

/** Pending messages that will not be sent any more: `before` bounds by expiry, null takes all. Locked. */
export function lockPending(
  sql: Sql,
  of: { instanceId: string; before: Date | null; limit: number },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from message join chat on chat.id = message.chat
     where message.status = 'pending' and message.instance_id = $1 and ($2::timestamptz is null or message.expires_at <= $2)
     order by message.id limit $3 for update of message skip locked`,
    [of.instanceId, of.before, of.limit],
    'lock-pending',
  )
}

/**
 * Connected instances of this node with a message whose next try is due, so many of those after one of them. Those of all
 * other nodes are not looked at.
 */
export async function instancesWithDue(
  sql: Sql,
  { owner, now, after, limit }: { owner: string; now: Date; after: string; limit: number },
): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select id from instances_with_due($1, $2, $3, $4) as due`,
    [owner, now, after, limit],
    'instances-with-due',
  )
  return rows.map(row => row.id)
}

/** Instances without a phone that have a message for it all the same. */
export async function instancesLeft(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ instanceId: string }>(
    `select instance.id as "instanceId" from instance cross join lateral (
       select from message where message.instance_id = instance.id and status = 'pending'
       order by message.id limit 1) as left_over
     where instance.state = 'logged_out' limit 1000`,
    [],
    'instances-left',
  )
  return rows.map(row => row.instanceId)
}

/** Instances with a message that has expired. */
export async function instancesWithExpired(sql: Sql, now: Date): Promise<string[]> {
  const rows = await sql.query<{ instanceId: string }>(
    `select distinct instance_id as "instanceId" from (
       select instance_id from message where status = 'pending' and expires_at <= $1 order by expires_at limit 1000) as expired`,
    [now],
    'instances-with-expired',
  )
  return rows.map(row => row.instanceId)
}
