import { EventEmitter } from 'node:events'
import type { WASocket } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { endWaiting } from './watchdog.ts'

test('who waits for an answer when the socket ends is told, and who begins to wait afterwards', async () => {
  const ws = new EventEmitter()
  const waiting = () => new Promise(resolve => ws.on('error', resolve))
  const before = waiting()
  endWaiting({ ws } as unknown as WASocket)
  for (const each of [before, waiting()]) expect(await each).toMatchObject({ message: 'Connection Closed' })
})
