import { Migration } from '@mikro-orm/migrations'

export class M0009Timeline extends Migration {
  override up(): void {
    for (const statement of STATEMENTS) this.addSql(statement)
  }
}

const STATEMENTS = [
  // What has become of a message, step after step; and the `traceparent` of what it is part of, null without tracing.
  `alter table message add trail text not null default '', add trace text`,
  'alter table event add trace text',
  'alter table inbox add node text, add trace text',
  'create index event_by_subject on event (about)',
]
