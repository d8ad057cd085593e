import { Migration } from '@mikro-orm/migrations'

export class M0002Accounts extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  `alter table tenant add constraint tenant_status check (status in ('active', 'suspended'))`,
  `create table session (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    token_hash bytea not null unique check (octet_length(token_hash) = 32),
    created_at timestamptz(3) not null default current_timestamp,
    expires_at timestamptz(3) not null,
    last_seen_at timestamptz(3)
  )`,
  'create index session_by_tenant on session (tenant_id, id)',
  'create index session_by_expiry on session (expires_at)',
  // An address owns nothing until its link is used: what a sign-up said waits here. Without a name: to sign in only.
  `create table sign_in_link (
    hash bytea primary key check (octet_length(hash) = 32),
    email text not null unique check (email = lower(email)),
    name text,
    created_at timestamptz(3) not null default current_timestamp,
    expires_at timestamptz(3) not null
  )`,
  'create index sign_in_link_by_expiry on sign_in_link (expires_at)',
  // Sealed: a letter holds a link. Gone once it is sent, refused or too old to be of use.
  `create table mail (
    id text primary key,
    letter bytea not null,
    attempts integer not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz(3) not null,
    expires_at timestamptz(3) not null,
    created_at timestamptz(3) not null default current_timestamp
  )`,
  'create index mail_due on mail (next_attempt_at, id)',
  // When letters were last asked for, by SHA-256 of an address or of where the request came from.
  `create table mail_request (
    subject bytea primary key check (octet_length(subject) = 32),
    asked_at timestamptz(3)[] not null,
    last_at timestamptz(3) not null
  )`,
  'create index mail_request_by_age on mail_request (last_at)',
  // Outlives what it tells of: no reference to the tenant.
  `create table audit_log (
    id text primary key,
    tenant_id text,
    actor jsonb not null,
    action text not null,
    target text,
    ip text,
    request_id text,
    at timestamptz(3) not null
  )`,
  'create index audit_log_by_tenant on audit_log (tenant_id, id)',
  `create function audit_log_is_append_only() returns trigger language plpgsql as
    $$ begin raise exception 'audit_log is append-only'; end $$`,
  `create trigger audit_log_append_only before update or delete or truncate on audit_log
    for each statement execute function audit_log_is_append_only()`,
  'create index api_key_revoked on api_key (revoked_at) where revoked_at is not null',
]
