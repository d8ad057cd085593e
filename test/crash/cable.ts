import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The line between a server and the network, of which one direction can be lost: the other side is told nothing. */
export interface Cable {
  /** In place of the far end's `ws://` address. */
  url: string
  /** `up`: from the server to the network. What is lost stays lost, so the connection is of no use afterwards. */
  lose(direction: 'up' | 'down' | null): void
  /** Told of all that has passed, once it has; null: nobody. */
  watch(passed: ((direction: 'up' | 'down', bytes: number) => void) | null): void
  close(): Promise<void>
}

export async function openCable(farUrl: string): Promise<Cable> {
  const far = new URL(farUrl)
  const open = new Set<Socket>()
  let lost: 'up' | 'down' | null = null
  let watcher: Parameters<Cable['watch']>[0] = null
  const server = createServer(near => {
    const wire = connect(Number(far.port), far.hostname)
    const ends: [Socket, Socket][] = [
      [near, wire],
      [wire, near],
    ]
    for (const [end, other] of ends) {
      open.add(end)
      end.on('error', () => {})
      const direction = end === near ? 'up' : 'down'
      end.on('data', data => {
        if (lost === direction) return
        other.write(data)
        watcher?.(direction, data.length)
      })
      end.on('close', () => {
        open.delete(end)
        other.destroy()
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${port}${far.pathname}`,
    lose(direction) {
      lost = direction
    },
    watch(passed) {
      watcher = passed
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
