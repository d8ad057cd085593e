import type { Sql } from '../sql.ts'

/**
 * Counts one more letter for a subject unless `max` were asked for since `since`; false then. The row's lock makes it
 * exact under races, and holds until the transaction ends.
 */
export async function allowMail(
  sql: Sql,
  ask: { subject: Uint8Array; max: number; since: Date; now: Date },
): Promise<boolean> {
  const rows = await sql.query(
    `insert into mail_request as known (subject, asked_at, last_at) values ($1, array[$4::timestamptz], $4)
     on conflict (subject) do update set last_at = excluded.last_at, asked_at = excluded.asked_at ||
         array(select at from unnest(known.asked_at) as at where at > $3)
       where (select count(*) from unnest(known.asked_at) as at where at > $3) < $2
     returning 1 as one`,
    [ask.subject, ask.max, ask.since, ask.now],
    'allow-mail',
  )
  return rows.length > 0
}

export async function queueMail(
  sql: Sql,
  mail: { id: string; letter: Uint8Array; now: Date; expiresAt: Date },
): Promise<void> {
  await sql.query(
    'insert into mail (id, letter, next_attempt_at, expires_at, created_at) values ($1, $2, $3, $4, $3)',
    [mail.id, mail.letter, mail.now, mail.expiresAt],
    'queue-mail',
  )
}

export interface DueMail {
  id: string
  letter: Buffer
  attempts: number
}

/** What is due is nobody else's until `leaseEnd`, when a node that died with it in hand has let go of it. */
export function claimMail(sql: Sql, claim: { now: Date; leaseEnd: Date; limit: number }): Promise<DueMail[]> {
  return sql.query<DueMail>(
    `update mail set attempts = attempts + 1, next_attempt_at = $2
     where id in (select id from mail where next_attempt_at <= $1 and expires_at > $1
       order by next_attempt_at, id limit $3 for update skip locked)
     returning id, letter, attempts`,
    [claim.now, claim.leaseEnd, claim.limit],
    'claim-mail',
  )
}

export async function deleteMail(sql: Sql, id: string): Promise<void> {
  await sql.query('delete from mail where id = $1', [id], 'delete-mail')
}

export async function postponeMail(sql: Sql, id: string, nextAttemptAt: Date): Promise<void> {
  await sql.query('update mail set next_attempt_at = $2 where id = $1', [id, nextAttemptAt], 'postpone-mail')
}
