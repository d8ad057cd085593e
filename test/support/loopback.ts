import net, { type Socket } from 'node:net'

const database = process.env.TEST_DATABASE_URL
const allowed = ['localhost', ...(database ? [new URL(database).hostname] : [])]

const isLoopback = (host: string) => /^(127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/.test(host) || allowed.includes(host)

type Connect = (this: Socket, ...args: unknown[]) => Socket

/** Refuses this process connections to other machines, and says to whom they would have been; the answer lets them be again. */
export function refuseOthers(onRefusal: (host: string) => void): () => void {
  const prototype = net.Socket.prototype as unknown as { connect: Connect }
  const { connect } = prototype
  prototype.connect = function (...args) {
    const target = hostOf(args)
    if (target !== null && !isLoopback(target)) {
      onRefusal(target)
      throw new Error(`a test would connect to ${target}`)
    }
    return connect.apply(this, args)
  }
  return () => void (prototype.connect = connect)
}

/** Of the ways to call it; null: a path on this machine. */
function hostOf(args: unknown[]): string | null {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args
  if (typeof first === 'object' && first !== null) {
    const { path, host } = first as { path?: string; host?: string }
    return path === undefined ? (host ?? 'localhost') : null
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return null
  return typeof second === 'string' ? second : 'localhost'
}
