import type { App } from '../../context.ts'
import { claimToFetch } from '../../db/queries/media-to-fetch.ts'
import { fetchInbound } from './fetchInbound.ts'

/** A node that dies with a file half fetched leaves it to another after that long. */
const CLAIM_MS = 15 * 60_000

/** Of the fetches that may run at once: who asks for a file does not wait for those that nobody asked for. */
const KEPT_FOR_READERS = 3

/** The clock's call: begins what instances with `download_media` have received, as far as there is room. */
export async function fetchMediaDue(app: App): Promise<void> {
  const limit = app.fetches.free - KEPT_FOR_READERS
  if (limit <= 0) return
  const now = app.clock.now()
  const claimed = await claimToFetch(app.db.sql, { now, again: new Date(now.getTime() + CLAIM_MS), limit })
  for (const media of claimed) {
    // Why one failed is in its row, and whoever asks for it is told.
    const work = fetchInbound(app, media).catch(cause =>
      app.log.debug({ err: cause, instanceId: media.instanceId }, 'media was not fetched'),
    )
    app.background('fetch media', work)
  }
}

/** Right after one has arrived: its receivers need not wait for the clock. */
export const fetchSoon = (app: App): void => app.background('fetch media', fetchMediaDue(app))
