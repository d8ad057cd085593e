import { Migration } from '@mikro-orm/migrations'

export class M0001FirstTables extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  `create table tenant (
    id text primary key,
    name text not null,
    email text not null unique check (email = lower(email)),
    plan text not null default 'free',
    status text not null default 'active',
    created_at timestamptz(3) not null default current_timestamp
  )`,
  `create table api_key (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    name text not null,
    prefix text not null,
    hash bytea not null unique check (octet_length(hash) = 32),
    created_at timestamptz(3) not null default current_timestamp,
    last_used_at timestamptz(3),
    revoked_at timestamptz(3)
  )`,
  'create index api_key_by_tenant on api_key (tenant_id, id)',
  `create table instance (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    name text not null check (name <> ''),
    description text,
    sandbox boolean not null,
    auto_reconnect boolean not null default true,
    download_media boolean not null default false,
    emit_raw boolean not null default false,
    wanted boolean not null default false,
    linked boolean not null default false,
    state text not null default 'disconnected' check (state in
      ('disconnected', 'connecting', 'qr_required', 'connected', 'reconnecting', 'logged_out', 'error')),
    last_error text,
    state_at timestamptz(3) not null default current_timestamp,
    phone_number text,
    lid text,
    qr text,
    qr_expires_at timestamptz(3),
    created_at timestamptz(3) not null default current_timestamp,
    updated_at timestamptz(3) not null default current_timestamp,
    constraint instance_name unique (tenant_id, name),
    constraint instance_qr check ((qr is null) = (qr_expires_at is null))
  )`,
  'create index instance_by_tenant on instance (tenant_id, id desc)',
  `create table credential (
    instance_id text primary key references instance on delete cascade,
    value bytea not null
  )`,
  // Rewritten with every message: room on the page keeps the updates off the index. Ciphertext does not compress.
  `create table signal_key (
    instance_id text not null references instance on delete cascade,
    type text not null,
    id text not null,
    value bytea not null,
    primary key (instance_id, type, id)
  ) with (fillfactor = 70)`,
  'alter table credential alter value set storage external',
  'alter table signal_key alter value set storage external',
  `create table inbox (
    instance_id text not null references instance on delete cascade,
    hash bytea not null check (octet_length(hash) = 32),
    seq bigint generated always as identity,
    stanza jsonb not null,
    plain bytea not null,
    created_at timestamptz(3) not null default current_timestamp,
    settled_at timestamptz(3),
    primary key (instance_id, hash)
  )`,
  'alter table inbox alter plain set storage external',
  'create index inbox_unsettled on inbox (instance_id, seq) where settled_at is null',
  `create table message (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    whatsapp_id text not null,
    chat_id text not null,
    lid text,
    phone_number text,
    sender text not null,
    direction text not null check (direction in ('inbound', 'outbound')),
    type text not null,
    status text not null check (status in ('pending', 'sent', 'delivered', 'read', 'failed')),
    content jsonb not null,
    payload bytea,
    error_code text,
    error_message text,
    raw jsonb,
    timestamp timestamptz(3) not null,
    created_at timestamptz(3) not null default current_timestamp,
    attempts integer not null default 0 check (attempts >= 0),
    next_attempt_at timestamptz(3),
    expires_at timestamptz(3),
    constraint message_whatsapp_id unique (instance_id, whatsapp_id, direction, sender),
    constraint message_payload check (direction = 'outbound' or payload is null),
    constraint message_pending check (status <> 'pending' or direction = 'outbound')
  )`,
  'alter table message alter payload set storage external',
  'create index message_by_chat on message (instance_id, chat_id, id desc)',
  'create index message_by_tenant on message (tenant_id, id desc)',
  "create index message_pending_first on message (instance_id, id) where status = 'pending'",
  `create table event (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    instance_id text not null references instance on delete cascade,
    type text not null,
    data jsonb not null,
    created_at timestamptz(3) not null default current_timestamp
  )`,
  'create index event_by_instance on event (instance_id, id)',
  'create index event_by_tenant on event (tenant_id, id)',
]
