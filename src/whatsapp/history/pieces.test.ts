import { expect, it } from 'vitest'
import type { KeyStore } from '../key-store.ts'
import type { SyncNews } from '../whatsapp.ts'
import { MAX_ROWS, tellInPieces } from './pieces.ts'
import type { SyncRow } from './read.ts'

const keys = { socketKeys: { get: async () => ({}) } } as unknown as KeyStore
const ROW_MS = 1

/** As from bytes with many messages between the rows. */
function* slowRows(count: number): Generator<SyncRow> {
  for (let n = 0; n < count; n++) {
    for (const endMs = performance.now() + ROW_MS; performance.now() < endMs; );
    yield { chat: { chat: { jid: `${n}@g.us`, lid: null, phone: null } } }
  }
}

it('lets others have the processor while it reads, and tells every row once, in pieces', async () => {
  const told: SyncNews[] = []
  const tell = async (news: SyncNews) => void told.push(news)
  let turns = 0
  let isReading = true
  const others = () => {
    turns++
    if (isReading) setImmediate(others)
  }
  setImmediate(others)
  const before = MAX_ROWS - 1
  await tellInPieces(slowRows(before), 'inbox_1', { keys, tell, signal: new AbortController().signal })
  isReading = false
  expect(turns).toBeGreaterThan(20)
  expect(told.map(({ inboxKey, chats }) => [inboxKey, chats.length])).toEqual([['inbox_1', before]])
})
