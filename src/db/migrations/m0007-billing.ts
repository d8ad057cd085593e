import { Migration } from '@mikro-orm/migrations'

export class M0007Billing extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // What its months are counted from; null: from the sign-up.
  'alter table tenant add column cycle_anchor timestamptz(3)',

  // What we know of a tenant at Stripe. `heard` counts what may have changed there; `settled` is how much of that our
  // state answers to. What is at Stripe and not here yet is found again by its number: customer and checkout.
  `create table billing (
    tenant_id text primary key references tenant on delete cascade,
    heard integer not null default 0,
    settled integer not null default 0,
    check_at timestamptz(3) not null,
    customer_no integer not null default 1,
    account_id text,
    customer_id text unique,
    checkout_no integer not null default 0,
    checkout_plan text,
    checkout_begun_at timestamptz(3),
    checkout_id text,
    checkout_url text,
    subscription_id text,
    plan text,
    status text,
    period_end timestamptz(3),
    ends_at timestamptz(3),
    grace_ends_at timestamptz(3),
    constraint billing_checkout check ((checkout_plan is null) = (checkout_begun_at is null)),
    constraint billing_checkout_id check (checkout_id is null or checkout_plan is not null)
  ) with (fillfactor = 70)`,
  'create index billing_to_check on billing (check_at)',

  // Paid beside another: to be cancelled and paid back.
  `create table duplicate_subscription (
    id text primary key,
    tenant_id text not null references tenant on delete cascade,
    found_at timestamptz(3) not null,
    ended_at timestamptz(3),
    refunded boolean
  )`,
  'create index duplicate_subscription_to_end on duplicate_subscription (tenant_id) where ended_at is null',
]
