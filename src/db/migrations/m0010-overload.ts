import { Migration } from '@mikro-orm/migrations'

export class M0010Overload extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // How many rows of the instance are pending: in the row that every accept and every answer of WhatsApp locks anyway.
  'alter table event_counter add waiting integer not null default 0 check (waiting >= 0)',
  `update event_counter set waiting = counted.waiting from (
       select instance_id, count(*)::int as waiting from message where status = 'pending' group by instance_id) as counted
     where counted.instance_id = event_counter.instance_id`,
]
