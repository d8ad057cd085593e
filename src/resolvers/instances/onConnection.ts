import type { App } from '../../context.ts'
import { recordState } from '../../db/queries/instances.ts'
import { makePendingDue } from '../../db/queries/outbox.ts'
import { connectionUpdate, type HouseEvent } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import type { ConnectionNews } from '../../whatsapp/whatsapp.ts'
import { dispatchPending } from '../messages/dispatchPending.ts'
import { failLoggedOut } from '../messages/failPending.ts'
import type { InstanceStatus } from './shape.ts'

/** The engine's news of a session becomes the instance's state. */
export async function onConnection(app: App, instanceId: string, news: ConnectionNews): Promise<void> {
  const event = await changeState(app, instanceId, news)
  if (!event) return
  app.log.info({ instanceId, state: news.state }, 'instance changed')
  // What was written on an earlier connection may be lost: nothing goes out on this one before it is due again.
  app.lanes.connect(instanceId, null)
  app.bus.publish(event)
  if (news.state === 'connected') {
    app.lanes.of(instanceId).forgetWritten(app.clock.nowMs())
    await makePendingDue(app.db.sql, instanceId, app.clock.now())
    app.lanes.connect(instanceId, { connection: news.connection!, epoch: news.epoch })
    app.background('dispatch', dispatchPending(app, instanceId))
  }
  if (news.state === 'logged_out') await failLoggedOut(app, instanceId)
}

/** Null when the instance is gone, or the session is not the one that has its lease. */
async function changeState(
  app: App,
  instanceId: string,
  news: ConnectionNews,
): Promise<HouseEvent<'connection.update', InstanceStatus> | null> {
  const now = app.clock.now()
  const status: InstanceStatus = { state: news.state, lastError: news.lastError, updatedAt: now }
  return app.db.transaction(async sql => {
    const tenantId = await recordState(sql, { instanceId, at: now, ...news })
    if (!tenantId) return null
    return record(sql, app.clock, {
      type: 'connection.update',
      tenantId,
      instanceId,
      about: instanceId,
      data: connectionUpdate(status),
      subject: status,
    })
  })
}
