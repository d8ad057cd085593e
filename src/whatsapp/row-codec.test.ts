import { initAuthCreds, proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { decodeCredentials, decodeRow, encodeCredentials, encodeRow, type RowType } from './row-codec.ts'

const round = (type: RowType, value: unknown) => decodeRow(type, encodeRow(type, value))

test('each kind of row comes back as it was', () => {
  const pair = { public: Buffer.from([1, 2]), private: Buffer.from([3]) }
  expect(round('pre-key', pair)).toEqual(pair)
  expect(round('identity-key', new Uint8Array([5, 6]))).toEqual(Buffer.from([5, 6]))
  expect(round('sender-key', Buffer.from('[{"a":1}]'))).toEqual(Buffer.from('[{"a":1}]'))
  expect(round('lid-mapping', '905511900000002')).toBe('905511900000002')
  expect(round('device-list', ['0', '7'])).toEqual(['0', '7'])
  expect(round('sender-key-memory', { '5511:1@lid': true })).toEqual({ '5511:1@lid': true })
  expect(round('tctoken', { token: Buffer.from('t'), timestamp: '1' })).toEqual({
    token: Buffer.from('t'),
    timestamp: '1',
  })
  const version = { version: 3, hash: Buffer.alloc(4, 9), indexValueMap: { 'ab=': { valueMac: Buffer.from([7]) } } }
  expect(round('app-state-sync-version', version)).toEqual(version)
  const key = proto.Message.AppStateSyncKeyData.fromObject({ keyData: Buffer.from([1, 2, 3]), timestamp: 5 })
  const back = round('app-state-sync-key', key) as proto.Message.AppStateSyncKeyData
  expect(Buffer.from(back.keyData!)).toEqual(Buffer.from([1, 2, 3]))
})

test('each read of a row is a copy of its own', () => {
  const row = encodeRow('session', { _sessions: {}, version: 'v1' })
  expect(decodeRow('session', row)).not.toBe(decodeRow('session', row))
})

test('a session keeps the 20 newest receiving chains, those that wait for messages, and the sending one', () => {
  const chain = (chainType: number, messageKeys = {}) => ({ chainType, messageKeys, chainKey: { counter: 1 } })
  const chains: Record<string, unknown> = { skipped: chain(2, { 4: 'key' }), sending: chain(1) }
  for (let i = 0; i < 50; i++) chains[`turn${i}`] = chain(2)
  const kept = round('session', { _sessions: { a: { _chains: chains } }, version: 'v1' }) as {
    _sessions: { a: { _chains: object } }
  }
  const names = Object.keys(kept._sessions.a._chains)
  expect(names).toHaveLength(22)
  expect(names).toEqual(expect.arrayContaining(['skipped', 'sending', 'turn30', 'turn49']))
})

test('credentials come back with their bytes', () => {
  const creds = { ...initAuthCreds(), account: { details: Buffer.from([1]) } }
  expect(decodeCredentials(encodeCredentials(creds))).toEqual(
    JSON.parse(JSON.stringify(creds), (_k, v) => (v?.type === 'Buffer' ? Buffer.from(v.data) : v)),
  )
})
