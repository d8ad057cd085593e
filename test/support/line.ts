import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** The line between browsers and a server. WebSockets on it can go deaf: they stay open, and nothing comes over them. */
export interface Line {
  /** In place of the server's `http://` address. */
  url: string
  /** Also of those that are opened meanwhile, once they are upgraded. What is lost stays lost. */
  deafen(isDeaf: boolean): void
  close(): Promise<void>
}

export async function openLine(farUrl: string): Promise<Line> {
  const far = new URL(farUrl)
  const open = new Set<Socket>()
  let isDeaf = false
  const server = createServer(near => {
    const wire = connect(Number(far.port), far.hostname)
    let isSocket = false
    let isUpgraded = false
    near.on('data', data => {
      if (/^upgrade: websocket\r$/im.test(data.toString('latin1'))) isSocket = true
      wire.write(data)
    })
    wire.on('data', data => {
      if (isDeaf && isUpgraded) return
      isUpgraded ||= isSocket
      near.write(data)
    })
    for (const [end, other] of [
      [near, wire],
      [wire, near],
    ] as const) {
      open.add(end)
      end.on('error', () => {})
      end.on('close', () => {
        open.delete(end)
        if (end === near || !(isDeaf && isUpgraded)) other.destroy()
      })
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    deafen(next) {
      isDeaf = next
    },
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
