import { spinner } from '@clack/prompts'
import { wantsColour } from '../config.ts'

/** Progress is for people: on a terminal that takes it, and not beside JSON. */
export const mayShow = (json: boolean | undefined): boolean =>
  json !== true && process.stderr.isTTY === true && wantsColour()

/** Says that something is under way while it is. */
export async function during<T>(
  options: { json?: boolean },
  doing: string,
  work: (tell: (doing: string) => void) => Promise<T>,
): Promise<T> {
  if (!mayShow(options.json)) return work(() => {})
  const shown = spinner({ output: process.stderr })
  shown.start(doing)
  try {
    const result = await work(doing => shown.message(doing))
    shown.clear()
    return result
  } catch (error) {
    shown.clear()
    throw error
  }
}
