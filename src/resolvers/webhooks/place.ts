import type { App } from '../../context.ts'
import { invalid } from '../../errors.ts'

/** That a URL is a place to deliver to, as far as can be told now: each delivery looks again. */
export async function assertReachable(app: Pick<App, 'delivery'>, url: string): Promise<void> {
  const problem = await app.delivery.problemWith(url)
  if (problem) throw invalid({ url: problem })
}
