import type { Account } from './account.ts'
import { eventsAfter, type From, type Happened } from './follow.ts'
import { say } from './output.ts'
import { openServer, type Server } from './server.ts'
import type { Lost } from './trouble.ts'

/** A server to listen to, which says once that the connection is lost, and once that it is there again. */
export interface Live {
  server: Server
  events(from: Omit<From, 'onLost'>): AsyncGenerator<Happened, void>
}

export function openLive(account: Account): Live {
  let lost = false
  const onConnected = () => {
    if (lost) say('Connected again.')
    lost = false
  }
  const onLost = ({ message }: Lost) => {
    if (!lost) say(`Trying again: ${message}.`)
    lost = true
  }
  const server = openServer({ ...account, onConnected })
  return { server, events: from => eventsAfter(server, { ...from, onLost }) }
}

/** Until the work is done, a signal comes, or whoever read along has left. */
export async function untilEnded(work: () => Promise<void>): Promise<void> {
  const ended = Promise.withResolvers<void>()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => ended.resolve())
  process.stdout.once('error', () => ended.resolve())
  await Promise.race([ended.promise, work()])
}
