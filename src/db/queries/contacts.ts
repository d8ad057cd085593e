import { newId } from '../../ids.ts'
import type { Sql } from '../sql.ts'
import { olderThan } from './keyset.ts'
import { joinNames, type Named, type PersonNames, sortOut, withoutUndefined } from './names.ts'

/** People: how they are called, and which phone number belongs to which lid. */

export interface ContactRow extends PersonNames {
  /** `con_…`, never shown. */
  id: string
  name: string | null
  pushName: string | null
  verifiedName: string | null
}

/** What is undefined is not told, and stays as it is. */
export interface ContactNews {
  names: PersonNames
  /** As the owner's address book has it. */
  name?: string | undefined
  /** As they call themselves. */
  pushName?: string | undefined
  verifiedName?: string | undefined
}

interface Learned {
  instanceId: string
  contacts: ContactNews[]
  now: Date
}

/** Whoever makes chats or contacts of an instance, or changes their names, holds this until the transaction ends. */
export async function lockNames(sql: Sql, instanceId: string): Promise<void> {
  await sql.query(`select pg_advisory_xact_lock(hashtextextended('names of ' || $1, 0))`, [instanceId], 'lock-names')
}

/** Both names of a person of whom one is given, as far as they were ever told. */
export async function findPair(sql: Sql, instanceId: string, names: PersonNames): Promise<PersonNames | null> {
  if ((names.phone === null) === (names.lid === null)) return null
  const [pair] = await sql.query<PersonNames>(
    'select phone, lid from contact where instance_id = $1 and (phone = $2 or lid = $3) and phone is not null and lid is not null',
    [instanceId, names.phone, names.lid],
    'find-pair',
  )
  return pair ?? null
}

/** The name under which somebody writes; mostly it is known, and nothing is written. */
export async function notePushName(
  sql: Sql,
  note: { instanceId: string; names: PersonNames; pushName: string; now: Date },
): Promise<void> {
  const { instanceId, names, pushName, now } = note
  const known = await sql.query(
    `select 1 as one from contact where instance_id = $1 and (phone = $2 or lid = $3) and push_name = $4
       and ($2::text is null or phone = $2) and ($3::text is null or lid = $3)`,
    [instanceId, names.phone, names.lid, pushName],
    'known-push-name',
  )
  if (known.length > 0 || (names.phone === null && names.lid === null)) return
  await learnContacts(sql, { instanceId, contacts: [{ names, pushName }], now })
}

/** Adds what was learnt of people, in the caller's transaction: two rows of one person become one. */
export async function learnContacts(sql: Sql, { instanceId, contacts: all, now }: Learned): Promise<void> {
  if (all.length === 0) return
  const contacts = onceEach(all)
  await lockNames(sql, instanceId)
  const { fresh, known, tangled } = sortOut(contacts, await contactsWith(sql, instanceId, contacts))
  await insertContacts(sql, { instanceId, contacts: fresh, now })
  const news = known.map(([contact, { id }]) => ({ ...contact, id }))
  for (const contact of tangled) {
    const rows = await contactsWith(sql, instanceId, [contact])
    const { kept, dropped, bereft } = joinNames(rows, contact.names)
    if (!kept) await insertContacts(sql, { instanceId, contacts: [contact], now })
    else {
      if (bereft) await setNames(sql, instanceId, bereft)
      if (dropped) await mergeContacts(sql, { instanceId, kept: kept.id, dropped: dropped.id })
      await setNames(sql, instanceId, kept)
      news.push({ ...contact, id: kept.id })
    }
  }
  await updateContacts(sql, { instanceId, news, now })
}

/** What is told of the same names in one: members of many groups, and those who are told as contacts too. */
function onceEach(contacts: ContactNews[]): ContactNews[] {
  const byNames = new Map<string, ContactNews>()
  for (const contact of contacts) {
    const key = `${contact.names.phone} ${contact.names.lid}`
    byNames.set(key, { ...byNames.get(key), ...withoutUndefined(contact) })
  }
  return [...byNames.values()]
}

function contactsWith(sql: Sql, instanceId: string, contacts: ContactNews[]): Promise<Named[]> {
  return sql.query<Named>(
    `select id, phone, lid from contact where instance_id = $1 and (phone = any($2) or lid = any($3))`,
    [instanceId, contacts.flatMap(each => each.names.phone ?? []), contacts.flatMap(each => each.names.lid ?? [])],
    'contacts-with-names',
  )
}

async function insertContacts(sql: Sql, { instanceId, contacts, now }: Learned): Promise<void> {
  if (contacts.length === 0) return
  const rows = contacts.map(({ names, ...told }) => ({ id: newId('con'), ...names, ...told }))
  await sql.query(
    `insert into contact (id, tenant_id, instance_id, phone, lid, name, push_name, verified_name, updated_at)
     select row.id, tenant_id, instance.id, row.phone, row.lid, row.name, row."pushName", row."verifiedName", $3
     from instance, jsonb_to_recordset($2::jsonb) as row (id text, phone text, lid text, name text, "pushName" text,
       "verifiedName" text)
     where instance.id = $1`,
    [instanceId, JSON.stringify(rows), now],
    'insert-contacts',
  )
}

interface Renamed {
  instanceId: string
  news: (ContactNews & { id: string })[]
  now: Date
}

async function updateContacts(sql: Sql, { instanceId, news, now }: Renamed): Promise<void> {
  if (news.length === 0) return
  // Of two news about one person in a batch the later holds.
  const byId = new Map<string, Omit<ContactNews, 'names'> & { id: string }>()
  for (const { names: _, ...told } of news) byId.set(told.id, { ...byId.get(told.id), ...withoutUndefined(told) })
  await sql.query(
    `update contact set name = coalesce(row.name, contact.name), push_name = coalesce(row."pushName", push_name),
       verified_name = coalesce(row."verifiedName", verified_name), updated_at = $3
     from jsonb_to_recordset($2::jsonb) as row (id text, name text, "pushName" text, "verifiedName" text)
     where contact.instance_id = $1 and contact.id = row.id
       and (coalesce(row.name, contact.name), coalesce(row."pushName", push_name),
         coalesce(row."verifiedName", verified_name)) is distinct from (contact.name, push_name, verified_name)`,
    [instanceId, JSON.stringify([...byId.values()]), now],
    'update-contacts',
  )
}

async function setNames(sql: Sql, instanceId: string, contact: Named): Promise<void> {
  await sql.query(
    'update contact set phone = $3, lid = $4 where (instance_id = $1) is not false and id = $2',
    [instanceId, contact.id, contact.phone, contact.lid],
    'set-contact-names',
  )
}

async function mergeContacts(sql: Sql, of: { instanceId: string; kept: string; dropped: string }): Promise<void> {
  await sql.query(
    `with other as (delete from contact where instance_id = $1 and id = $3 returning name, push_name, verified_name)
     update contact set name = coalesce(contact.name, other.name),
       push_name = coalesce(contact.push_name, other.push_name),
       verified_name = coalesce(contact.verified_name, other.verified_name)
     from other where contact.instance_id = $1 and contact.id = $2`,
    [of.instanceId, of.kept, of.dropped],
    'merge-contacts',
  )
}

/** Newest first; `after` is our own id of the last row of the page before. Without those who have no name at all. */
export function listContacts(
  sql: Sql,
  of: { tenantId: string; instanceId: string; after: string | null; limit: number },
): Promise<ContactRow[]> {
  return sql.query<ContactRow>(
    `select id, phone, lid, name, push_name as "pushName", verified_name as "verifiedName" from contact
     where tenant_id = $1 and instance_id = $2 and coalesce(name, push_name, verified_name) is not null
       and ${olderThan('id', '$3')}
     order by id desc limit $4`,
    [of.tenantId, of.instanceId, of.after, of.limit],
    'list-contacts',
  )
}
