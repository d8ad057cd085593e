import type { App } from '../../context.ts'
import { remotePlace } from '../../db/queries/media.ts'
import {
  findToFetch,
  postpone,
  recordFetched,
  recordGone,
  recordRemote,
  type ToFetch,
} from '../../db/queries/media-to-fetch.ts'
import { ApiError, unavailable } from '../../errors.ts'
import { Unopened } from '../../secrets.ts'
import type { BrokenMedia, FetchOutcome } from '../../whatsapp/whatsapp.ts'
import { networkOf } from '../instances/network.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { sniff } from './sniff.ts'
import type { Spooled } from './spool.ts'
import { storing } from './store.ts'

/** One file from WhatsApp into the storage: the only way, whoever asks for it. */

/** WhatsApp's own limit, whatever was announced. */
const FETCH_MAX_BYTES = 2_147_483_647
const FETCH_MS = 10 * 60_000
const GIVE_UP_MS = 24 * 3600 * 1000
const FIRST_WAIT_MS = 10_000
const WAIT_MAX_MS = 3600_000

/** Two who want the same file fetch it once. Resolves when it is stored or gone for good, else rejects with why not. */
export const fetchInbound = (app: App, at: { instanceId: string; mediaId: string }): Promise<void> =>
  app.fetches.once(at.mediaId, async () => {
    const toFetch = await findToFetch(app.db.sql, at)
    if (toFetch) await fetchOne(app, toFetch)
  })

async function fetchOne(app: App, media: ToFetch): Promise<void> {
  const at = { instanceId: media.instanceId, mediaId: media.id }
  try {
    const outcome = await ask(app, media)
    if (outcome.kind === 'gone') return await recordGone(app.db.sql, { ...at, failure: outcome.message })
    if (outcome.kind === 'failed') throw unavailable(`WhatsApp did not give the file: ${outcome.message}`)
    if (outcome.reference) {
      const remote = app.secrets.seal(outcome.reference, remotePlace(media.id))
      await recordRemote(app.db.sql, { ...at, remote })
    }
    await keep(app, media, outcome)
  } catch (error) {
    // Once more, for it may have been the way here. Then it is the sender, who would have us fetch it for a day.
    if (isBroken(error) && media.attempts > 0) {
      return await recordGone(app.db.sql, { ...at, failure: (error as Error).message })
    }
    const cause = error instanceof ApiError ? error : unavailable('The file could not be fetched from WhatsApp', error)
    await later(app, media, cause)
    throw cause
  }
}

const BROKEN: BrokenMedia['name'] = 'BrokenMedia'
const isBroken = (error: unknown): boolean => error instanceof Error && error.name === BROKEN

async function ask(app: App, media: ToFetch): Promise<FetchOutcome> {
  const network = networkOf(app, media)
  if (!network) return { kind: 'failed', message: 'the sandbox is off on this server' }
  const { whatsappId, chat, fromMe, sender } = media
  return app.whatsapp.fetchMedia(media.instanceId, {
    reference: app.secrets.open(media.remote, remotePlace(media.id)),
    key: { whatsappId, chat, fromMe, sender },
    network,
    askPhone: () => onOwner(app, media.instanceId, 'askPhone', { mediaId: media.id }),
  })
}

async function keep(app: App, media: ToFetch, { bytes }: FetchOutcome & { kind: 'open' }): Promise<void> {
  const late = setTimeout(() => bytes.destroy(new Error('it took too long')), FETCH_MS)
  let spooled: Spooled
  try {
    spooled = await app.spool.take(bytes, FETCH_MAX_BYTES)
  } finally {
    clearTimeout(late)
  }
  try {
    const sniffedType = await sniff(spooled.path)
    const { sizeBytes } = spooled
    const fetched = { instanceId: media.instanceId, mediaId: media.id, sizeBytes, sniffedType, now: app.clock.now() }
    await storing(app, { mediaId: media.id, spooled, mimeType: sniffedType }, async (sql, storageKey) => {
      const sha256 = Buffer.from(spooled.sha256, 'hex')
      // Another node was faster, or the instance is gone: these bytes are nobody's.
      if (!(await recordFetched(sql, { ...fetched, storageKey, sha256 }))) throw new Superseded()
    })
    app.metrics.work.carried('received', sizeBytes)
  } catch (error) {
    if (!(error instanceof Superseded)) throw error
  } finally {
    await app.spool.discard(spooled)
  }
}

class Superseded extends Error {}

/** Tried again by the clock, less and less often; after a day nobody asks any more. */
async function later(app: App, media: ToFetch, cause: ApiError): Promise<void> {
  const at = { instanceId: media.instanceId, mediaId: media.id }
  const nowMs = app.clock.nowMs()
  // Where the file is does not open: that is no word of WhatsApp's, and with the right key it will.
  const isKeyWrong = cause.cause instanceof Unopened
  if (!isKeyWrong && nowMs - media.createdAt.getTime() >= GIVE_UP_MS && media.attempts > 0) {
    await recordGone(app.db.sql, { ...at, failure: cause.message })
  } else {
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** media.attempts, WAIT_MAX_MS)
    await postpone(app.db.sql, { ...at, until: new Date(nowMs + waitMs) })
  }
}
