import { expect, test } from 'vitest'
import { candidates, pruneSession, type SessionRecord } from './session-record.ts'

const chain = (chainType: number, skipped: number) => ({
  chainType,
  messageKeys: Object.fromEntries(Array.from({ length: skipped }, (_, i) => [String(i), 'key'])),
})
const record = (sessions: SessionRecord['_sessions']): SessionRecord => ({ _sessions: sessions, version: 'v1' })
const indexInfo = (closed: number, used: number) => ({ closed, used, remoteIdentityKey: '' })

test('pruning keeps the newest 20 receiving chains, the sending one, and all that hold skipped keys', () => {
  const chains: Record<string, ReturnType<typeof chain>> = { old: chain(2, 3), sending: chain(1, 0) }
  for (let i = 0; i < 30; i++) chains[`r${i}`] = chain(2, 0)
  const pruned = record({ a: { _chains: chains, indexInfo: indexInfo(-1, 0) } })
  pruneSession(pruned)
  const left = Object.keys(pruned._sessions.a!._chains)
  expect(left).toHaveLength(22)
  expect(left).toEqual(expect.arrayContaining(['old', 'sending', 'r29', 'r10']))
  expect(left).not.toContain('r9')
})

test('a message belongs to the session that knows its ratchet key, else to the open one first', () => {
  const key = Buffer.alloc(33, 7)
  const message = Buffer.concat([Buffer.from([0x33, 0x0a, 33]), key, Buffer.alloc(30)])
  const sessions = {
    closedLately: { _chains: {}, indexInfo: indexInfo(5, 9) },
    closedEarly: { _chains: {}, indexInfo: indexInfo(4, 2) },
    open: { _chains: {}, indexInfo: indexInfo(-1, 1) },
  }
  expect(candidates(record(sessions), message)).toEqual(['open', 'closedLately', 'closedEarly'])
  const known = { _chains: { [key.toString('base64')]: chain(2, 0) }, indexInfo: indexInfo(3, 0) }
  expect(candidates(record({ ...sessions, known }), message)).toEqual(['known'])
})
