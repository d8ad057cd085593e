import { Migration } from '@mikro-orm/migrations'

export class M0005Webhooks extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // `claimed_by` is the process that delivers to it until `claimed_until`: one at a time, so that order holds.
  `create table webhook (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    url text not null,
    events text[] not null check (cardinality(events) > 0),
    active boolean not null default true,
    secret bytea not null,
    previous_secret bytea,
    previous_until timestamptz(3),
    failing_since timestamptz(3),
    disabled_at timestamptz(3),
    disabled_reason text,
    claimed_by text,
    claimed_until timestamptz(3),
    deleted_at timestamptz(3),
    created_at timestamptz(3) not null default current_timestamp,
    updated_at timestamptz(3) not null default current_timestamp,
    check ((previous_secret is null) = (previous_until is null)),
    unique (id, instance_id, tenant_id)
  ) with (fillfactor = 60)`,
  'create index webhook_by_instance on webhook (instance_id, id desc)',
  'create index webhook_by_tenant on webhook (tenant_id)',
  'create index webhook_deleted on webhook (deleted_at) where deleted_at is not null',
  'create index webhook_rotated on webhook (previous_until) where previous_until is not null',

  // One event on its way to one webhook. The event's row says what is sent.
  `create table webhook_delivery (
    id text primary key,
    tenant_id text not null,
    instance_id text not null,
    webhook_id text not null,
    event_id text not null,
    event text not null,
    seq bigint not null,
    chat text not null,
    status text not null default 'pending' check (status in ('pending', 'delivered', 'failed')),
    attempts integer not null default 0,
    tries jsonb not null default '[]',
    error text,
    next_attempt_at timestamptz default clock_timestamp(),
    created_at timestamptz(3) not null default current_timestamp,
    finished_at timestamptz(3),
    check ((status = 'pending') = (next_attempt_at is not null)),
    foreign key (webhook_id, instance_id, tenant_id) references webhook (id, instance_id, tenant_id) on delete cascade
  )`,
  'create index webhook_delivery_by_webhook on webhook_delivery (webhook_id, id desc)',
  "create index webhook_delivery_due on webhook_delivery (webhook_id, next_attempt_at, seq) where status = 'pending'",
  "create index webhook_delivery_failed on webhook_delivery (webhook_id, id) where status = 'failed'",
  'create index webhook_delivery_by_age on webhook_delivery (created_at)',

  // What a delivery carries is kept as long as the delivery.
  `alter table event add kept_until timestamptz(3) not null default current_timestamp + interval '7 days'`,
  'drop index event_by_age',
  'create index event_by_end on event (kept_until)',
]
