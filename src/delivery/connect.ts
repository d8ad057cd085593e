import { once } from 'node:events'
import net, { type Socket } from 'node:net'
import tls from 'node:tls'
import { hostOf, portOf } from './address-guard.ts'
import { codeOf, Failure, unlessEnded } from './failure.ts'

/** Begins to connect to an address, which is the very one that was looked at: nothing resolves it again. */
export type Dial = (target: { address: string; port: number }) => Socket

/** What one address may take while there are others. */
const ATTEMPT_TIMEOUT_MS = 1_000
const ATTEMPTS_MAX = 6

export const dialTcp: Dial = ({ address, port }) => net.connect({ host: address, port, noDelay: true })

/** A socket that is ready for HTTP. Whatever ends this leaves no socket behind. */
export async function connect(
  url: URL,
  { addresses, dial, signal }: { addresses: readonly string[]; dial: Dial; signal: AbortSignal },
): Promise<Socket> {
  const tries = addresses.slice(0, ATTEMPTS_MAX)
  let reason = 'no address'
  for (const [i, address] of tries.entries()) {
    const socket = dial({ address, port: portOf(url) })
    socket.on('error', () => {})
    try {
      await opened(socket, { timeoutMs: i < tries.length - 1 ? ATTEMPT_TIMEOUT_MS : null, signal })
      return url.protocol === 'https:' ? await secured(socket, url, signal) : socket
    } catch (error) {
      socket.destroy()
      if (error instanceof Failure) throw error
      reason = codeOf(error)
    }
  }
  throw new Failure('connection', `The connection was not made (${reason}).`)
}

async function opened(socket: Socket, limits: { timeoutMs: number | null; signal: AbortSignal }): Promise<void> {
  const { timeoutMs, signal } = limits
  const late = () => socket.destroy(Object.assign(new Error('late'), { code: 'ETIMEDOUT' }))
  const timer = timeoutMs === null ? undefined : setTimeout(late, timeoutMs)
  try {
    await unlessEnded(signal, once(socket, 'connect'))
  } finally {
    clearTimeout(timer)
  }
}

/** The certificate is held against the name in the URL, whatever address was dialled for it. */
async function secured(socket: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
  const host = hostOf(url)
  const servername = net.isIP(host) ? '' : host
  const secure = tls.connect({ socket, host, servername, ALPNProtocols: ['http/1.1'] })
  secure.on('error', () => {})
  try {
    await unlessEnded(signal, once(secure, 'secureConnect'))
    return secure
  } catch (error) {
    secure.destroy()
    if (error instanceof Failure) throw error
    throw new Failure('tls', `The TLS connection was not made (${codeOf(error)}).`)
  }
}
