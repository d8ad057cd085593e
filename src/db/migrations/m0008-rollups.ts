import { Migration } from '@mikro-orm/migrations'

export class M0008Rollups extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

/** How many steps the times of API calls are sorted into. */
const STEPS = 25
const steps = Array.from({ length: STEPS }, (_, i) => `t${i} integer not null default 0`).join(', ')

const OWNER = `tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    hour timestamptz(0) not null`

const STATEMENTS = [
  // Of a `message.status`: the states that the message skipped, which it has reached all the same.
  'alter table event add passed text[]',

  // Up to which of its events an instance's messages are counted.
  `create table rollup_mark (
    instance_id text primary key references instance on delete cascade,
    seq bigint not null default 0
  ) with (fillfactor = 50)`,

  // What happened in an hour. These rows outlive what they count.
  `create table message_rollup (
    ${OWNER},
    sent integer not null default 0,
    delivered integer not null default 0,
    read integer not null default 0,
    failed integer not null default 0,
    received integer not null default 0,
    primary key (instance_id, hour)
  ) with (fillfactor = 70)`,
  'create index message_rollup_by_tenant on message_rollup (tenant_id, hour)',
  'create index message_rollup_by_age on message_rollup (hour)',

  // One row for each webhook: whoever delivers to one waits for no other.
  `create table webhook_rollup (
    ${OWNER},
    webhook_id text not null,
    delivered integer not null default 0,
    failed integer not null default 0,
    retried integer not null default 0,
    primary key (webhook_id, hour)
  ) with (fillfactor = 70)`,
  'create index webhook_rollup_by_tenant on webhook_rollup (tenant_id, hour)',
  'create index webhook_rollup_by_instance on webhook_rollup (instance_id)',
  'create index webhook_rollup_by_age on webhook_rollup (hour)',

  // Of connections that have ended; how long the present one lasts is said by the instance's own row.
  `create table connection_rollup (
    ${OWNER},
    uptime_ms integer not null default 0,
    reconnects integer not null default 0,
    failures integer not null default 0,
    primary key (instance_id, hour)
  ) with (fillfactor = 70)`,
  'create index connection_rollup_by_tenant on connection_rollup (tenant_id, hour)',
  'create index connection_rollup_by_age on connection_rollup (hour)',

  // All calls of an hour; those of a route in an hour; and of a route in a day (UTC), by its first hour.
  `create table api_rollup (
    tenant_id text not null references tenant on delete cascade,
    grain text not null check (grain in ('hour', 'route_hour', 'route_day')),
    hour timestamptz(0) not null,
    method text not null,
    route text not null,
    requests integer not null default 0,
    errors integer not null default 0,
    ${steps},
    primary key (tenant_id, grain, hour, method, route)
  ) with (fillfactor = 70)`,
  'create index api_rollup_by_age on api_rollup (hour)',
  // Batches of API calls that are written: one whose answer was lost is not written again.
  `create table api_batch (
    id text primary key,
    written_at timestamptz(3) not null default clock_timestamp()
  )`,

  // The newest errors, a bounded number for each tenant.
  `create table recent_error (
    id bigint generated always as identity primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text references instance on delete cascade,
    at timestamptz(3) not null,
    category text not null check (category in ('api', 'messages', 'connections')),
    code text not null,
    message text not null
  )`,
  'create index recent_error_by_tenant on recent_error (tenant_id, at desc)',
  'create index recent_error_by_instance on recent_error (instance_id)',
]
