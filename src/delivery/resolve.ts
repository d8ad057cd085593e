import { Resolver, lookup as systemLookup } from 'node:dns/promises'

/** All addresses of a name; rejects when there are none, or when the signal ends it. */
export type Lookup = (hostname: string, signal: AbortSignal) => Promise<string[]>

/** RFC 6761, section 6.4: nobody need be asked, and nobody should be. */
const NEVER = /(^|\.)invalid$/i

/** Two queries of this and a little more are over within 3 s. */
const QUERY = { timeout: 800, tries: 2, maxTimeout: 1_000 }

/**
 * Asks DNS itself. The lookup of the system knows the hosts file and search domains besides, but holds one of the two
 * threads that the whole process has for names, for as long as a stranger's name server likes: it is asked for one
 * name at a time, and only where DNS has answered that there is none.
 */
export function createLookup(): Lookup {
  let last: Promise<unknown> = Promise.resolve()
  const askSystem = (hostname: string, signal: AbortSignal): Promise<string[]> => {
    const asked = last.then(async () => {
      signal.throwIfAborted()
      return (await systemLookup(hostname, { all: true })).map(each => each.address)
    })
    last = asked.catch(() => {})
    return asked
  }
  return async (hostname, signal) => {
    if (NEVER.test(hostname)) throw new Error('there is no such name')
    const { addresses, timedOut } = await queryBoth(hostname, signal)
    if (addresses.length > 0) return addresses
    signal.throwIfAborted()
    if (timedOut) throw new Error('the name server did not answer')
    return askSystem(hostname, signal)
  }
}

async function queryBoth(hostname: string, signal: AbortSignal): Promise<{ addresses: string[]; timedOut: boolean }> {
  const resolver = new Resolver(QUERY)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel)
  const answers = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)])
  signal.removeEventListener('abort', cancel)
  return {
    addresses: answers.flatMap(each => (each.status === 'fulfilled' ? each.value : [])),
    timedOut: answers.some(each => each.status === 'rejected' && each.reason.code === 'ETIMEOUT'),
  }
}
