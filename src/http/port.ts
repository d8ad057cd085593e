import { createServer } from 'node:net'

interface Place {
  host: string
  port: number
}

/** Rejects where nothing can listen, before what takes its time is begun. Who takes it meanwhile is found out by `listen`. */
export function portIsFree({ host, port }: Place): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const probe = createServer()
  probe.once('error', reject).listen({ host, port }, () => probe.close(() => resolve()))
  return promise
}
