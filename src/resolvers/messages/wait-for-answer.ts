import type { Context } from '../../context.ts'

const WAIT_MS = { usually: 2000, strained: 200 }

type Waiting = Pick<Context, 'turnstile'>

/** How long an answer waits for WhatsApp's ack. What has more to do than it can keeps nobody waiting for what is a promise already. */
export const waitMs = ({ turnstile }: Waiting): number => (turnstile.strained ? WAIT_MS.strained : WAIT_MS.usually)

/** Waits aside for what is to come, and gives it up when there is too much to do meanwhile. */
export async function waitForAnswer<T>(
  ctx: Waiting & Pick<Context, 'pass'>,
  { answer, cancel }: { answer: Promise<T>; cancel: () => void },
): Promise<T> {
  const look = (): void => {
    if (ctx.turnstile.strained) cancel()
    else timer = setTimeout(look, WAIT_MS.strained)
  }
  let timer = setTimeout(look, WAIT_MS.strained)
  try {
    return await ctx.pass.aside(answer)
  } finally {
    clearTimeout(timer)
  }
}
