import type { Context } from '../../context.ts'
import type { SandboxGroup } from '../../sandbox/sandbox.ts'
import { account, translated } from './account.ts'

export interface CreateSandboxGroupArgs {
  instanceId: string
  input: { subject: string; participants: string[] }
}

/** The instance's phone makes a group with virtual contacts. */
export async function createSandboxGroup(
  ctx: Context,
  { instanceId, input }: CreateSandboxGroupArgs,
): Promise<SandboxGroup> {
  const { stored, sandbox } = await account(ctx, { instanceId })
  const { subject, participants } = input
  return translated(sandbox.group(stored.id, { subject: subject.trim(), participants }))
}
