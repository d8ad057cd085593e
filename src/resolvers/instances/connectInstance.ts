import type { Context } from '../../context.ts'
import { ApiError, notFound, unavailable } from '../../errors.ts'
import { phoneDigits } from '../chats/chat-id.ts'
import { follow } from '../events/follow.ts'
import { failLoggedOut } from '../messages/failPending.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { instanceToChange } from './instance.ts'
import { networkOf } from './network.ts'
import { qrImage } from './qr-image.ts'
import { type ConnectResult, type StoredInstance, statusOf } from './shape.ts'

const WAIT_MS = 15_000

export interface ConnectArgs {
  instanceId: string
  input?: { phoneNumber?: string | null } | null
}

/** Starts the session and answers as soon as it is connected, shows a code, or 15 s are over. */
export async function connectInstance(ctx: Context, args: ConnectArgs): Promise<ConnectResult> {
  const stored = await instanceToChange(ctx, args)
  if (!networkOf(ctx, stored)) throw unavailable('the sandbox is off on this server')
  const phone = args.input?.phoneNumber ? phoneDigits(args.input.phoneNumber) : null
  if (!stored.wanted) {
    stored.wanted = true
    await ctx.em.flush()
  }
  if (stored.state === 'logged_out') await failLoggedOut(ctx, stored.id)
  const deadlineMs = ctx.clock.nowMs() + WAIT_MS
  // A session that had given up says so in the row: only news from after this start counts.
  let fresh = stored.state === 'connected' || stored.state === 'qr_required'
  const about = { instanceId: stored.id, accept: () => true }
  let next = ctx.bus.next(stored.id, { ...about, timeoutMs: WAIT_MS })
  try {
    await follow(ctx, stored.id)
    if (!(await ctx.pass.aside(onOwner(ctx, stored.id, 'start', {})))) throw notFound('instance')
    for (;;) {
      if (!(await ctx.em.refresh(stored))) throw notFound('instance')
      const settled = fresh && isSettled(ctx, stored)
      const leftMs = deadlineMs - ctx.clock.nowMs()
      if (settled || leftMs <= 0) return answer(ctx, stored, phone)
      await ctx.pass.aside(next.event)
      fresh = true
      next = ctx.bus.next(stored.id, { ...about, timeoutMs: Math.max(1, leftMs) })
    }
  } finally {
    next.cancel()
  }
}

/** Whether waiting longer would bring nothing: connected, a code to show, or an end. */
function isSettled(ctx: Context, stored: StoredInstance): boolean {
  if (stored.state === 'qr_required') return liveQr(ctx, stored) !== null
  return stored.state !== 'connecting' && stored.state !== 'reconnecting'
}

const liveQr = (ctx: Context, stored: StoredInstance): string | null =>
  stored.qr && stored.qrExpiresAt && stored.qrExpiresAt > ctx.clock.now() ? stored.qr : null

async function answer(ctx: Context, stored: StoredInstance, phone: string | null): Promise<ConnectResult> {
  const result = { status: statusOf(stored), qr: null, qrImageDataUrl: null, pairingCode: null }
  if (stored.state !== 'qr_required') return result
  if (phone) return { ...result, pairingCode: await pairingCode(ctx, stored.id, phone) }
  const qr = liveQr(ctx, stored)
  return { ...result, qr, qrImageDataUrl: qr && (await qrImage(qr)) }
}

async function pairingCode(ctx: Context, instanceId: string, phone: string): Promise<string> {
  try {
    return await ctx.pass.aside(onOwner(ctx, instanceId, 'pairingCode', { phone }))
  } catch (error) {
    if (error instanceof ApiError) throw error
    throw unavailable('WhatsApp gave no pairing code: try again', error)
  }
}
