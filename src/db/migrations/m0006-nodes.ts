import { Migration } from '@mikro-orm/migrations'

export class M0006Nodes extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // Processes on this database. One that is not here has no instance: its leases are anybody's.
  `create table node (
    id text primary key,
    host text not null,
    process text not null,
    connections text not null,
    version text not null,
    started_at timestamptz(3) not null default clock_timestamp(),
    beats bigint not null default 1,
    beat_at timestamptz(3) not null default clock_timestamp(),
    expires_at timestamptz(3) not null,
    lag_ms double precision not null default 0,
    draining boolean not null default false
  ) with (fillfactor = 50)`,

  // What one node asks of another: that one has the session.
  `create table command (
    id text primary key,
    node_id text not null,
    asked_by text not null,
    instance_id text not null references instance on delete cascade,
    kind text not null,
    args jsonb not null,
    created_at timestamptz(3) not null default clock_timestamp(),
    expires_at timestamptz(3) not null,
    taken_at timestamptz(3),
    answer jsonb
  )`,
  'create index command_to_take on command (node_id, created_at) where taken_at is null',
  'create index command_by_end on command (expires_at)',
  'create index command_by_instance on command (instance_id)',

  // Whose a lease is, is said by `owner` and `node`. The version before this one still writes its end.
  'alter table instance_lease alter column expires_at set default current_timestamp',
  'create index instance_lease_by_owner on instance_lease (owner)',
]
