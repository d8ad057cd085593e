import type { Context } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import { follow } from '../events/follow.ts'
import { instance } from '../instances/instance.ts'
import { type InstanceStatus, statusOf } from '../instances/shape.ts'
import { account, translated } from './account.ts'

const CONNECTED_WITHIN_MS = 15_000

/** A virtual phone scans the code that the instance shows now; answers once it is connected. */
export async function scanSandboxQr(ctx: Context, args: { instanceId: string }): Promise<InstanceStatus> {
  const { stored, sandbox } = await account(ctx, args)
  if (stored.state === 'connected') {
    throw new ApiError('instance_not_connected', 'there is no QR code to scan: the instance is connected')
  }
  if (stored.state !== 'qr_required' || !stored.qr) {
    throw new ApiError('instance_not_connected', 'there is no QR code to scan: call connect first')
  }
  const connected = ctx.bus.next(stored.id, {
    instanceId: stored.id,
    accept: event => event.type === 'connection.update' && (event.subject as InstanceStatus).state === 'connected',
    timeoutMs: CONNECTED_WITHIN_MS,
  })
  try {
    await follow(ctx, stored.id)
    await translated(sandbox.scan(stored.id, { qr: stored.qr }))
    await ctx.pass.aside(connected.event)
  } finally {
    connected.cancel()
  }
  return statusOf(await instance(ctx, args))
}
