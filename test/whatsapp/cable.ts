import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** The network between a client and the sandbox, as a plug that can be pulled. */
export interface Cable {
  /** In place of the far end's `ws://` address. */
  url: string
  /** Connections made since the start. */
  dials: number
  /** Those that are open now. */
  readonly live: number
  /** Resets all that is open. */
  cut(): void
  /** Half-open: nothing passes any more in what is open or comes, and nobody is told. */
  freeze(): void
  thaw(): void
  /** Answers upgrades with this HTTP status; null lets them through. */
  refuse(status: number | null): void
  /** Accepts and never answers. */
  mute(muted: boolean): void
  /** A WebSocket frame that came from no server. */
  inject(payload: Buffer): void
  close(): Promise<void>
}

export async function openCable(farUrl: string): Promise<Cable> {
  const far = new URL(farUrl)
  const pairs = new Set<[Socket, Socket | null]>()
  let frozen = false
  let muted = false
  let status: number | null = null
  const server = createServer(near => {
    cable.dials++
    near.on('error', () => {})
    const pair: [Socket, Socket | null] = [near, null]
    pairs.add(pair)
    near.on('close', () => pairs.delete(pair))
    if (muted) {
      near.resume()
      return
    }
    if (status !== null) {
      near.once('data', () => near.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`))
      return
    }
    const wire = connect(Number(far.port), far.hostname)
    pair[1] = wire
    wire.on('error', () => near.destroy())
    wire.on('data', data => frozen || near.write(data))
    near.on('data', data => frozen || wire.write(data))
    wire.on('close', () => frozen || near.destroy())
    near.on('close', () => wire.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const cable: Cable = {
    url: `ws://127.0.0.1:${port}${far.pathname}`,
    dials: 0,
    get live() {
      return pairs.size
    },
    cut() {
      for (const [near] of pairs) near.resetAndDestroy()
    },
    freeze() {
      frozen = true
    },
    thaw() {
      frozen = false
    },
    refuse(next) {
      status = next
    },
    mute(next) {
      muted = next
    },
    inject(payload) {
      // Unmasked binary frame of less than 126 bytes, whole.
      for (const [near] of pairs) near.write(Buffer.concat([Buffer.from([0x82, payload.length]), payload]))
    },
    async close() {
      for (const [near] of pairs) near.destroy()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return cable
}
