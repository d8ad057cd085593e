import type { Context } from '../../context.ts'
import type { Fault } from '../../sandbox/sandbox.ts'
import { account, translated } from './account.ts'

export type FaultKind = Fault['kind']

export interface InjectSandboxFaultArgs {
  instanceId: string
  input: { kind: FaultKind; code?: number | null }
}

/** Which kinds ask for a code is checked at the door. */
export async function injectSandboxFault(
  ctx: Context,
  { instanceId, input }: InjectSandboxFaultArgs,
): Promise<{ kind: FaultKind; code: number | null }> {
  const { stored, sandbox } = await account(ctx, { instanceId })
  const { kind, code = null } = input
  const fault: Fault = kind === 'stream_error' || kind === 'refuse_next' ? { kind, code: code! } : { kind }
  await translated(sandbox.fault(stored.id, fault))
  return { kind, code }
}
