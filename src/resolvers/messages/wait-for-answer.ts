import type { Context } from '../../context.ts'

const WAIT_MS = { usually: 2000, crowded: 200, strained: 0 }
const LOOK_MS = 200

type Waiting = Pick<Context, 'turnstile' | 'lanes'>

/**
 * How long an answer waits for WhatsApp's ack. What has more to do than it can keeps nobody waiting for what is a promise
 * already: the instance not for long, the server not at all.
 */
export const waitMs = ({ turnstile, lanes }: Waiting, instanceId: string): number => {
  if (turnstile.strained) return WAIT_MS.strained
  return lanes.isCrowded(instanceId) ? WAIT_MS.crowded : WAIT_MS.usually
}

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
    if (waitMs(ctx, instanceId) < WAIT_MS.usually) cancel()
    else timer = setTimeout(look, LOOK_MS)
  }
  let timer = setTimeout(look, LOOK_MS)
  try {
    return await ctx.pass.aside(answer)
  } finally {
    clearTimeout(timer)
  }
}
