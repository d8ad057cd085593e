import type { Context } from '../../context.ts'

const WAIT_MS = { usually: 2000, strained: 200 }

type Waiting = Pick<Context, 'turnstile' | 'lanes'>

/**
 * How long an answer waits for WhatsApp's ack. What has more to do than it can keeps nobody waiting for what is a promise
 * already: the server, or the instance.
 */
export const waitMs = (ctx: Waiting, instanceId: string): number =>
  isBusy(ctx, instanceId) ? WAIT_MS.strained : WAIT_MS.usually

const isBusy = ({ turnstile, lanes }: Waiting, instanceId: string): boolean =>
  turnstile.strained || lanes.isCrowded(instanceId)

interface Answer<T> {
  instanceId: string
  answer: Promise<T>
  cancel: () => void
}

/** Waits aside for what is to come, and gives it up when there is too much to do meanwhile. */
export async function waitForAnswer<T>(
  ctx: Waiting & Pick<Context, 'pass'>,
  { instanceId, answer, cancel }: Answer<T>,
): Promise<T> {
  const look = (): void => {
    if (isBusy(ctx, instanceId)) cancel()
    else timer = setTimeout(look, WAIT_MS.strained)
  }
  let timer = setTimeout(look, WAIT_MS.strained)
  try {
    return await ctx.pass.aside(answer)
  } finally {
    clearTimeout(timer)
  }
}
