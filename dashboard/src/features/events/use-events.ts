import { useEffect, useRef, useState } from 'react'
import { follow } from '../../graphql/client.ts'
import { graphql, type ResultOf } from '../../graphql/graphql.ts'
import { type Heard, joined, KEPT_MAX, NOTHING } from './heard.ts'

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

/** What had happened before the page was opened, of each instance. */
const EVENTS_BACK = 25
/** Of a burst. */
const TOGETHER_MS = 50
/** Between two times that the list is drawn. */
const APART_MS = 500

/** What happens on these instances; while paused it is kept back, and counted. */
export function useEvents(instances: { id: string; eventCount: number }[], isPaused: boolean) {
  const [shown, setShown] = useState<Heard<LiveEvent>>(NOTHING)
  const [waiting, setWaiting] = useState<Heard<LiveEvent>>(NOTHING)
  const paused = useRef(isPaused)
  paused.current = isPaused
  const counts = useRef(new Map<string, number>())
  for (const { id, eventCount } of instances) if (!counts.current.has(id)) counts.current.set(id, eventCount)
  const key = instances.map(each => each.id).join()
  useEffect(() => {
    setShown(NOTHING)
    setWaiting(NOTHING)
    let arrived: Heard<LiveEvent> = NOTHING
    let fresh: LiveEvent[] = []
    let timer: ReturnType<typeof setTimeout> | undefined
    let takenMs = 0
    const gather = () => {
      arrived = joined({ events: fresh.reverse(), count: fresh.length }, arrived)
      fresh = []
    }
    const take = () => {
      gather()
      const taken = arrived
      arrived = NOTHING
      timer = undefined
      takenMs = performance.now()
      const add = paused.current ? setWaiting : setShown
      add(before => joined(taken, before))
    }
    const endings = key
      .split(',')
      .filter(Boolean)
      .map(instanceId => {
        let seq = Math.max(0, counts.current.get(instanceId)! - EVENTS_BACK)
        const variables = () => ({ instanceId, after: String(seq) })
        return follow(LiveEventsDocument, variables, ({ eventOccurred }) => {
          seq = Math.max(seq, eventOccurred.seq)
          fresh.push(eventOccurred)
          // Of a page that nobody looks at the timers come seldom.
          if (fresh.length >= KEPT_MAX) gather()
          timer ??= setTimeout(take, Math.max(TOGETHER_MS, takenMs + APART_MS - performance.now()))
        })
      })
    return () => {
      clearTimeout(timer)
      for (const end of endings) end()
    }
  }, [key])
  useEffect(() => {
    if (isPaused) return
    setWaiting(kept => {
      if (kept.count > 0) setShown(before => joined(kept, before))
      return NOTHING
    })
  }, [isPaused])
  return { ...shown, waiting: waiting.count, clear: () => setShown(NOTHING) }
}
