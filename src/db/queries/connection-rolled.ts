/** Expressions, such as `$1`. */
export interface Change {
  /** May be another one for each row of `was`. */
  at: string
  /** The new one. */
  state: string
  /** What went wrong; null: nothing. */
  error: string
}

/**
 * Common table expressions of a statement that changes the state of instances: they count, by the hour, how long what
 * ends now was connected, and what begins; the first connection of all is no reconnect, although linking a phone takes two
 * sockets. `was` is the one before: the rows as they were, locked. What would have ended before it began counts nothing.
 */
export const connectionRolled = ({ at, state, error }: Change): string =>
  `spent as (
     select was.tenant_id, was.id, hour, 0 as reconnects, 0 as failures,
       greatest(0, extract(epoch from least(hour + interval '1 hour', ${at}) - greatest(hour, was.state_at)) * 1000)::integer as uptime_ms
     from was cross join generate_series(
       date_trunc('hour', greatest(was.state_at, ${at} - interval '400 days'), 'UTC'), ${at}, interval '1 hour') as hour
     where was.state = 'connected' and hour < ${at}
     union all
     select was.tenant_id, was.id, date_trunc('hour', ${at}, 'UTC'),
       (${state} = 'connected' and was.state = 'reconnecting' and exists (
         select from connection_rollup where instance_id = was.id and uptime_ms > 0))::integer, (${error} is not null)::integer, 0 from was),
   rolled as (
     insert into connection_rollup as kept (tenant_id, instance_id, hour, uptime_ms, reconnects, failures)
     select tenant_id, id, hour, sum(uptime_ms), sum(reconnects), sum(failures) from spent group by tenant_id, id, hour
     having sum(uptime_ms) + sum(reconnects) + sum(failures) > 0 order by id, hour
     on conflict (instance_id, hour) do update set uptime_ms = kept.uptime_ms + excluded.uptime_ms,
       reconnects = kept.reconnects + excluded.reconnects, failures = kept.failures + excluded.failures)`
