import { Migration } from '@mikro-orm/migrations'

export class M0011PendingDue extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

// Functions, for their plans have settings of their own: without a sort, the indexes of what is pending are the only way to these
// orders, whatever the statistics say. (With `= any(array[…])` an order by that column is not taken for granted, so that no other
// index has it.) Nearly always nothing is pending, and statistics of such a moment make every way through a backlog look alike.
const SETTINGS = `language plpgsql stable
     set enable_sort = off set enable_incremental_sort = off set enable_seqscan = off set enable_bitmapscan = off`

const STATEMENTS = [
  `create function pending_due(of_instance text, at_time timestamptz, in_flight text[], most integer)
     returns table (id text, due_at timestamptz) ${SETTINGS} rows 10 as
   $$ begin
     return query select m.id, m.next_attempt_at from message m
       where m.instance_id = any(array[of_instance]) and m.status = 'pending' and m.next_attempt_at <= at_time
         and m.expires_at > at_time and m.id <> all(in_flight)
         and (
           select held.id from message held
           where held.chat = any(array[m.chat]) and held.status = 'pending' and held.id < m.id and held.next_attempt_at > at_time
             and held.id <> all(in_flight)
           order by held.chat, held.id limit 1) is null
       order by m.instance_id, m.id limit most;
   end $$`,
  `create function instances_with_due(of_owner text, at_time timestamptz, after_instance text, most integer)
     returns table (id text) ${SETTINGS} as
   $$ begin
     return query select instance.id from instance cross join lateral (
         select from message m where m.instance_id = any(array[instance.id]) and m.status = 'pending' and m.next_attempt_at <= at_time
         order by m.instance_id, m.id limit 1) as due
       where instance.state = 'connected' and instance.id > after_instance
         and exists (select from instance_lease lease where lease.instance_id = instance.id and lease.owner = of_owner)
       order by instance.id limit most;
   end $$`,
]
