import { Migration } from '@mikro-orm/migrations'

export class M0003RateBuckets extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // Unlogged: a request waits for no disk, and a crash of the server gives everyone a fresh minute. Rewritten with
  // every request: room on the page keeps the updates off the index.
  `create unlogged table rate_bucket (
    key text primary key,
    window_start timestamptz not null,
    used integer not null check (used >= 0)
  ) with (fillfactor = 40)`,
]
