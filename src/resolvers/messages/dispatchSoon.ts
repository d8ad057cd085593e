import type { App } from '../../context.ts'
import { dispatchPending } from './dispatchPending.ts'

/** Something waits to go out: it goes from here when the session is here, and else from where that is. */
export function dispatchSoon(app: App, instanceId: string): void {
  if (app.lanes.wayOf(instanceId)) app.background('dispatch', dispatchPending(app, instanceId))
  else app.relay.tell(['due', instanceId])
}
