/**
 * How events are written, as parts of a statement: common table expressions that make of each row of `fact` an event, and a
 * delivery for each webhook that has asked for it. `fact` has `event_id`, `tenant_id`, `instance_id`, `type`, `data`, `at`,
 * `about`, `chat`, `webhook_id` (the one that it goes to; null: all that ask for its type), `passed`, `trace` and `seq`, and
 * rests on the locked row of the instance's counter.
 *
 * A delivery's id is its event's with the place of its webhook: sorted as they were made. Its first try is due at once;
 * the counter's row is ours by then, so that the times rise with `seq`. An event outlives its deliveries, which are kept
 * for 30 days.
 */
export const EVENT_ROWS = `hook as (
    select event_id, webhook.id, row_number() over (partition by event_id order by webhook.id) as place
    from fact join webhook on webhook.instance_id = fact.instance_id and active and deleted_at is null
      and case when fact.webhook_id is null then fact.type = any(events) else webhook.id = fact.webhook_id end),
  made as (
    insert into event (id, tenant_id, instance_id, type, data, created_at, about, passed, trace, seq, kept_until)
    select event_id, tenant_id, instance_id, type, data, at, about, passed, trace, seq,
      at + case when event_id in (select event_id from hook) then interval '31 days' else interval '7 days' end
    from fact),
  delivery as (
    insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat)
    select 'del_' || substr(event_id, 5) || chr(96 + place::int), tenant_id, instance_id, hook.id, event_id, type, seq, chat
    from hook join fact using (event_id) order by seq, place
    returning event_id, webhook_id)`

/** Of a row of `fact`, once it is written. */
export const WRITTEN_EVENT = `fact.seq,
  array(select webhook_id from delivery where delivery.event_id = fact.event_id) as webhooks`

/** One that is to be written. */
export interface NewEvent {
  id: string
  type: string
  /** JSON. */
  data: string
  at: Date
  about: string
  /** What goes to one webhook about one chat goes in order. */
  chat: string
  passed: readonly string[]
  trace: string | null
}

export interface WrittenEvent {
  seq: string
  webhooks: string[]
}
