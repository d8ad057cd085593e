import { useEffect, useRef, useState } from 'react'
import { useClient } from 'urql'
import { graphql, type ResultOf } from '../../graphql/graphql.ts'

const LiveEventsDocument = graphql(`
  subscription LiveEvents($instanceId: ID!, $after: ID) {
    eventOccurred(instanceId: $instanceId, after: $after) {
      id
      event
      instanceId
      seq
      timestamp
      data
    }
  }
`)

export type LiveEvent = ResultOf<typeof LiveEventsDocument>['eventOccurred']

/** A page with more stands still. */
const KEPT_MAX = 500
/** What had happened before the page was opened, of each instance. */
const EVENTS_BACK = 25

/** What happens on these instances, newest first; while paused it is kept back, and counted. */
export function useEvents(instances: { id: string; eventCount: number }[], isPaused: boolean) {
  const client = useClient()
  const [events, setEvents] = useState<LiveEvent[]>([])
  const [waiting, setWaiting] = useState<LiveEvent[]>([])
  const paused = useRef(isPaused)
  paused.current = isPaused
  const counts = useRef(new Map<string, number>())
  for (const { id, eventCount } of instances) if (!counts.current.has(id)) counts.current.set(id, eventCount)
  const key = instances.map(each => each.id).join()
  useEffect(() => {
    setEvents([])
    setWaiting([])
    const running = key
      .split(',')
      .filter(Boolean)
      .map(instanceId => {
        const after = String(Math.max(0, counts.current.get(instanceId)! - EVENTS_BACK))
        return client.subscription(LiveEventsDocument, { instanceId, after }).subscribe(({ data }) => {
          if (!data) return
          const add = paused.current ? setWaiting : setEvents
          add(before => withOne(before, data.eventOccurred))
        })
      })
    return () => {
      for (const { unsubscribe } of running) unsubscribe()
    }
  }, [client, key])
  useEffect(() => {
    if (isPaused) return
    setWaiting(kept => {
      if (kept.length > 0) setEvents(before => kept.toReversed().reduce(withOne, before))
      return []
    })
  }, [isPaused])
  return { events, waiting: waiting.length, clear: () => setEvents([]) }
}

/** The socket tells again, after it was away, what it may have told before. */
function withOne(before: LiveEvent[], event: LiveEvent): LiveEvent[] {
  if (before.some(each => each.id === event.id)) return before
  return [event, ...before].sort((a, b) => (a.timestamp < b.timestamp ? 1 : -1)).slice(0, KEPT_MAX)
}
