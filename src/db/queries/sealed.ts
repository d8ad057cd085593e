import type { Sql } from '../sql.ts'
import { credentialPlace, inboxPlace, keyPlace, payloadPlace } from '../vault.ts'
import { remotePlace } from './media.ts'
import { previousSecretPlace, secretPlace } from './webhooks.ts'

/** A column whose bytes are sealed: the primary key of its table, and the place that they are sealed with. */
export interface SealedColumn {
  table: string
  column: string
  key: readonly string[]
  place: (...key: never[]) => string
}

/** Those of this room. */
export const SEALED: SealedColumn[] = [
  { table: 'credential', column: 'value', key: ['instance_id'], place: credentialPlace },
  { table: 'signal_key', column: 'value', key: ['instance_id', 'type', 'id'], place: keyPlace },
  {
    table: 'inbox',
    column: 'plain',
    key: ['instance_id', 'hash'],
    place: (instanceId: string, hash: Buffer) => inboxPlace(instanceId, hash.toString('hex')),
  },
  { table: 'message', column: 'payload', key: ['id'], place: payloadPlace },
  { table: 'media', column: 'remote', key: ['id'], place: remotePlace },
  { table: 'webhook', column: 'secret', key: ['id'], place: secretPlace },
  { table: 'webhook', column: 'previous_secret', key: ['id'], place: previousSecretPlace },
]

export type Key = (string | Buffer)[]

/** The next rows in the order of the primary key; `after` null: the first. */
export async function sealedAfter(
  sql: Sql,
  { table, column, key }: SealedColumn,
  at: { after: Key | null; limit: number },
): Promise<{ key: Key; sealed: Buffer }[]> {
  const names = key.join(', ')
  const after = at.after ? `and (${names}) > (${at.after.map((_, i) => `$${i + 2}`).join(', ')})` : ''
  const rows = await sql.query<Record<string, string | Buffer>>(
    `select ${names}, ${column} as sealed from ${table} where ${column} is not null ${after} order by ${names} limit $1`,
    [at.limit, ...(at.after ?? [])],
  )
  return rows.map(row => ({ key: key.map(name => row[name]!), sealed: row.sealed as Buffer }))
}

/** False: it is not what it was any more, and whoever wrote it meanwhile is right. */
export async function replaceSealed(
  sql: Sql,
  { table, column, key }: SealedColumn,
  row: { key: Key; was: Buffer; sealed: Buffer },
): Promise<boolean> {
  const same = key.map((name, i) => `${name} = $${i + 3}`).join(' and ')
  const rows = await sql.query(
    `update ${table} set ${column} = $1 where ${column} = $2 and ${same} returning 1 as one`,
    [row.sealed, row.was, ...row.key],
    `replace-sealed-${table}-${column}`,
  )
  return rows.length > 0
}
