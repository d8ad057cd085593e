import type { Context } from '../../context.ts'
import { ApiError, invalid, notFound, unavailable } from '../../errors.ts'
import type { SandboxControl, SandboxError } from '../../sandbox/sandbox.ts'
import { instance } from '../instances/instance.ts'
import type { StoredInstance } from '../instances/shape.ts'

/** The virtual phone of an instance that lives in the sandbox; anything else is 404. */
export async function account(
  ctx: Context,
  args: { instanceId: string },
): Promise<{ stored: StoredInstance; sandbox: SandboxControl }> {
  const stored = await instance(ctx, args)
  if (!ctx.sandbox || !stored.sandbox)
    throw new ApiError('not_found', 'the instance is not in the sandbox: one that is made with sandbox: true is')
  return { stored, sandbox: ctx.sandbox }
}

/** The sandbox's own errors in the words of the API. */
export async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!isSandboxError(error)) throw unavailable('the sandbox cannot be reached', error)
    switch (error.code) {
      case 'no_qr':
        throw new ApiError('instance_not_connected', 'there is no QR code to scan: call connect first')
      case 'not_linked':
        throw new ApiError('instance_not_connected', 'the instance is not linked: connect and scan first')
      case 'unknown_message':
        throw notFound('message')
      case 'invalid':
        throw invalid({ [error.field ?? 'input']: error.message })
    }
  }
}

const isSandboxError = (error: unknown): error is SandboxError =>
  error instanceof Error && error.name === 'SandboxError'
