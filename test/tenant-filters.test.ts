import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { MIGRATIONS } from '../src/db/migrations/list.ts'

/**
 * Each statement that touches rows of a tenant names the tenant or the instance, and so does each call of the ORM; or
 * it stands below with the reason why it need not. Read from the sources: what is not run in a test is read too.
 */

type Sources = Record<string, string>

/** Beginnings of statements (white space as one blank) that work across tenants, or find out whose a row is. */
const EXCEPTIONS: Record<string, string> = {
  'select api_key.id, api_key.tenant_id, tenant.status, api_key.tenant_id as bucket': 'says who calls',
  'select session.id, session.tenant_id, tenant.status, session.tenant_id ||': 'says who calls',
  'select session.id from session join tenant': 'whether callers who were let in are still good, by their own ids',
  'delete from session where token_hash = $1': 'the holder of the token ends it',
  'update session set last_seen_at': 'written behind, by ids that were used',
  'update api_key set last_used_at': 'written behind, by ids that were used',
  'select ${names}, ${column} as sealed from ${table}': 'what is sealed, of all tenants, by the primary key',
  'update ${table} set ${column} = $1 where ${column} = $2': 'one row that was read before, by its primary key',
  'delete from ${table} where ctid': 'tidies what has expired, of all tenants',
  'with due as ( select id, instance_id, next_attempt_at from media': 'what is to be fetched, of all tenants in turn',
  'delete from inbox where ctid': 'tidies what was settled long ago, of all tenants',
  'with batch as (insert into api_batch': 'names the tenant as a column',
  'delete from recent_error where id in': 'tidies what is beyond so many of each tenant',
  'delete from event where ctid': 'tidies what happened long ago, of all tenants',
  'select instance.id, sandbox, auto_reconnect as "autoReconnect", epoch from instance_lease':
    'what this node is to run, of all tenants',
  'select id from node where not draining order by': 'which node has the fewest, of all tenants',
  'with due as ( select id from command where node_id = $1': 'what other nodes ask of this one, of all tenants',
  'update command set answer = $2 where id = $1': 'what this node was asked, by its id',
  'select answer, taken_at is not null as taken': 'what this node has asked, by its id',
  'delete from command where id = $1': 'what this node has asked, by its id',
  'delete from command where expires_at': 'tidies what nobody waits for, of all tenants',
  'select id, host, version, started_at': 'the nodes, for the operator',
  "with ${heldLease({ instance: '$1', epoch: '$6' })}, due as ( select message.id, due.due_at from held, pending_due($1,":
    'what pending_due finds of one instance, by its id',
  'select distinct instance_id as "instanceId" from ( select instance_id from message where status = ':
    'which instances have what expired',
  'with held as ( select * from webhook where id = $1 and active': 'one webhook that is to be delivered to, by its id',
  "with recursive pending as ( (select webhook_id from webhook_delivery where status = 'pending'":
    'webhooks of all tenants that something waits for',
  'update webhook set claimed_until = clock_timestamp() where claimed_by = $1': 'what this process has claimed',
  'update webhook set previous_secret = null': 'tidies what signs no more, of all tenants',
  'delete from webhook_delivery where id in ( select d.id from webhook cross join lateral ( select id from webhook_delivery where webhook_id = webhook.id limit $1)':
    'tidies what is deleted, of all tenants',
  'delete from webhook where deleted_at is not null': 'tidies what is deleted, of all tenants',
  'delete from webhook_delivery where ctid': 'tidies what is old, of all tenants',
  'select name from ${TABLE}': 'the migrations that ran',
  'update billing set heard = heard + 1, check_at = least(check_at, $2) where customer_id':
    'says whose news of Stripe are',
  'insert into audit_log': 'names the tenant as a column',
  'with counter as ( insert into event_counter': 'names tenant and instance as columns',
  'with outbox as ( select pending.created_at': 'what waits for the operator to see, of all tenants',
  'select instance_id as "instanceId" from event_counter where waiting > 0':
    'what is to be counted anew, of all tenants',
  'select storage_key as key, size_bytes::float8': 'what belongs into a backup, of all tenants',
  'select setval(pg_get_serial_sequence': 'what a restored table is to go on with',
  "select count(*)::int as all, coalesce(json_agg(json_build_object('id', id, 'state'":
    'what waits for the operator, of all tenants',
  'select webhook.id, url, disabled_reason as "disabledReason", last.error': 'which receivers fail, for the operator',
  'with account as ( select id, plan, coalesce(cycle_anchor, created_at) as anchor from tenant where id = $1)':
    'the tenant itself, by its id',
}

/** Calls of the ORM, as `file: call`. */
const ORM_EXCEPTIONS: Record<string, string> = {}

/** Owned by a tenant or an instance, as the migrations say: tables with a reference to either. */
function ownedTables(): string[] {
  const made: string[] = []
  for (const { class: Migration } of MIGRATIONS) {
    const collect = { addSql: (statement: string) => made.push(statement) }
    Migration.prototype.up.call(collect as never)
  }
  return made.flatMap(statement => {
    const [, table] = /^create (?:unlogged )?table (\w+)/.exec(statement) ?? []
    return table && /\b(tenant_id|instance_id)\b/.test(statement) ? [table] : []
  })
}

const owned = ownedTables()
const touches = new RegExp(
  `\\b(?:from|join|into|update|using)\\s+(?:only\\s+)?(${owned.join('|')}|\\$\\{table\\})\\b|\\$\\{table\\}`,
  'i',
)
/** A filter, or the row of the instance itself by its id. */
const FILTER = /\b(tenant_id|instance_id)\s*(=|in\b)|\b(from|update) instance\b.* where (tenant_id|id) = \$/i
const named = (statement: string): boolean =>
  FILTER.test(statement) || (/^insert into/i.test(statement) && /\b(tenant_id|instance_id)\b/.test(statement))

/** Texts in quotes or backticks that begin like a statement. */
function statementsIn(source: string): string[] {
  const code = source.replace(/^\s*(\/\/|\*|\/\*\*).*$/gm, '')
  const texts = [...code.matchAll(/`((?:[^`\\]|\\.)*)`|'((?:[^'\\\n]|\\.)*)'/g)].map(
    match => match[1] ?? match[2] ?? '',
  )
  return texts
    .map(text => text.replace(/\s+/g, ' ').trim())
    .filter(text => /^(with\b.*\b(select|update|delete|insert)|select|insert into|update|delete from)\b/i.test(text))
}

function looseStatements(sources: Sources): string[] {
  const loose: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    for (const statement of statementsIn(source)) {
      if (!touches.test(statement) || named(statement)) continue
      if (Object.keys(EXCEPTIONS).some(beginning => statement.startsWith(beginning))) continue
      loose.push(`${file}: ${statement.slice(0, 120)}`)
    }
  }
  return loose
}

const ORM_CALL = /\bem\.(find\w*|count|native\w+|getReference|upsert\w*|insert\w*|create)\(/g
/** As a key of the filter or the row, and not as where a value comes from. */
const KEY = /(?<![.\w])(tenantId|instanceId)\s*[:,}]|^Tenant,/

function looseOrmCalls(sources: Sources): string[] {
  const loose: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    for (const match of source.matchAll(ORM_CALL)) {
      const args = argumentsAt(source, match.index + match[0].length)
      const call = `${file}: ${match[1]}(${args.split('\n')[0]!.trim()}`
      if (!KEY.test(args) && !(call in ORM_EXCEPTIONS)) loose.push(call)
    }
  }
  return loose
}

/** What stands between the parentheses that were opened before `start`. */
function argumentsAt(source: string, start: number): string {
  let depth = 1
  let end = start
  while (depth > 0 && end < source.length) {
    if (source[end] === '(') depth++
    if (source[end] === ')') depth--
    end++
  }
  return source.slice(start, end - 1)
}

const src: Sources = Object.fromEntries(
  globSync('src/**/*.ts')
    .filter(file => !file.endsWith('.test.ts') && !file.startsWith('src/sandbox/') && !file.includes('/migrations/'))
    .map(file => [file, readFileSync(file, 'utf8')]),
)

describe('every statement on rows of a tenant', () => {
  it('names the tenant or the instance, or says why not', () => {
    expect(owned).toEqual(expect.arrayContaining(['api_key', 'instance', 'message', 'event', 'session', 'signal_key']))
    const all = Object.values(src)
      .flatMap(statementsIn)
      .filter(statement => touches.test(statement))
    expect(all.length).toBeGreaterThan(25)
    expect(looseStatements(src)).toEqual([])
  })

  it('is caught when it does not', () => {
    for (const statement of [
      'select * from message where id = $1',
      'update instance set name = $1 where name = $2',
      'delete from event where id = $1',
      'select tenant_id, instance_id, id from message where id = $1',
      'with x as (select 1) delete from session where id = $1',
      'select 1 from chat join message on message.chat_id = chat.id',
    ]) {
      expect(looseStatements({ 'x.ts': `sql.query('${statement}')` }), statement).toHaveLength(1)
    }
    expect(looseStatements({ 'x.ts': 'sql.query(`select 1 from message\n where tenant_id = $1`)' })).toEqual([])
  })

  it('has no exception that nobody needs', () => {
    const all = Object.values(src).flatMap(statementsIn)
    const idle = Object.keys(EXCEPTIONS).filter(beginning => !all.some(statement => statement.startsWith(beginning)))
    expect(idle).toEqual([])
  })
})

/** The third argument of a query: what its statement is prepared under. */
const namesIn = (sources: Sources): string[] =>
  Object.values(sources).flatMap(source =>
    [...source.matchAll(/\],\s*'([a-z0-9_-]+)',?\s*\)/g)].map(match => match[1]!),
  )

describe('the names of prepared statements', () => {
  it('are each of one statement: a connection takes no second one under the same name', () => {
    const queries = Object.fromEntries(Object.entries(src).filter(([file]) => /^src\/(db|events)\//.test(file)))
    const names = namesIn(queries)
    expect(names.length).toBeGreaterThan(100)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
  })

  it('are caught when two have the same', () => {
    const twice = `sql.query('select 1', [], 'one')\nsql.query(TEXT, [a, b], 'one',\n)`
    expect(namesIn({ 'x.ts': twice })).toEqual(['one', 'one'])
  })
})

describe('every call of the ORM', () => {
  it('names the tenant or the instance, or says why not', () => {
    expect(looseOrmCalls(src)).toEqual([])
  })

  it('is caught when it does not', () => {
    expect(looseOrmCalls({ 'x.ts': 'await ctx.em.findOne(Instance, { id })' })).toHaveLength(1)
    expect(looseOrmCalls({ 'x.ts': 'ctx.em.findOne(Instance, { id: args.instanceId })\n{ tenantId }' })).toHaveLength(1)
    expect(looseOrmCalls({ 'x.ts': 'await ctx.em.find(Message, { tenantId, id })' })).toEqual([])
  })
})
