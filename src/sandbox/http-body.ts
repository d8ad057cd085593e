import type { IncomingMessage } from 'node:http'

/** Null when there is more of it than `limitBytes`; the rest is then read and dropped. */
export async function readBody(request: IncomingMessage, limitBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size <= limitBytes) chunks.push(chunk)
    else chunks.length = 0
    if (size > limitBytes * 2) request.destroy()
  }
  return size <= limitBytes ? Buffer.concat(chunks) : null
}
