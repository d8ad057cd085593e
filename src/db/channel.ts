import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { DatabaseLog } from './start-error.ts'

/** Word from one node to all others: LISTEN and NOTIFY. Nothing is kept of it, so whoever missed it must find it in the tables. */
export interface Channel {
  close(): Promise<void>
}

/** PostgreSQL takes less than 8,000 bytes. */
export const WORD_MAX_BYTES = 7_900
export const CHANNEL = 'wataki'

const AGAIN_MS = 500
const LOOK_EVERY_MS = 5_000

/** Listens until it is closed, on a connection of its own, and again when that is lost. `onOpen`: what was said before was missed. */
export function openChannel(options: {
  address: pg.ClientConfig
  log: DatabaseLog
  onWord: (word: string) => void
  onOpen: () => void
}): Channel {
  const { address, log, onWord, onOpen } = options
  const closing = new AbortController()
  const { signal } = closing

  async function listen(): Promise<void> {
    const client = new pg.Client({ ...address, keepAlive: true, query_timeout: LOOK_EVERY_MS })
    const lost = Promise.withResolvers<void>()
    client.on('error', () => lost.resolve())
    client.on('end', () => lost.resolve())
    client.on('notification', ({ payload }) => payload && onWord(payload))
    signal.addEventListener('abort', () => lost.resolve(), { once: true })
    try {
      await client.connect()
      await client.query(`listen ${CHANNEL}`)
      onOpen()
      // A connection that is cut without a word is noticed by asking only.
      while (!signal.aborted) {
        const over = await Promise.race([lost.promise.then(() => true), sleep(LOOK_EVERY_MS, false, { ref: false })])
        if (over) return
        await client.query('select 1')
      }
    } finally {
      client.end().catch(() => {})
    }
  }

  const running = (async () => {
    while (!signal.aborted) {
      await listen().catch(error => {
        if (!signal.aborted) log.warn({ error: (error as Error).message }, 'the channel between nodes is lost')
      })
      await sleep(AGAIN_MS, undefined, { signal }).catch(() => {})
    }
  })()
  return {
    async close() {
      closing.abort()
      await running
    },
  }
}
