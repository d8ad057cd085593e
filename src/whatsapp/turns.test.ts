import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import type { WASocket } from '@whiskeysockets/baileys'
import { expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { readInTurns } from './turns.ts'

function open(name: string, told: string[]) {
  const wire = {
    readyState: WebSocket.OPEN,
    OPEN: WebSocket.OPEN,
    isPaused: false,
    pause: vi.fn(() => void (wire.isPaused = true)),
    resume: vi.fn(() => void (wire.isPaused = false)),
  }
  const ws = Object.assign(new EventEmitter(), { socket: wire })
  for (const event of ['message', 'close', 'other']) ws.on(event, what => told.push(`${name} ${event} ${what ?? ''}`))
  readInTurns({ ws } as unknown as WASocket)
  const come = (count: number) => {
    for (let n = 0; n < count; n++) ws.emit('message', n)
  }
  return { ws, wire, come }
}

test('what a few frames bring is handled as they come', async () => {
  const told: string[] = []
  const { come, wire } = open('a', told)
  await turn()
  come(3)
  expect(told).toEqual(['a message 0', 'a message 1', 'a message 2'])
  expect(wire.pause).not.toHaveBeenCalled()
  await turn()
})

test('hundreds of frames in one piece take many turns, in their order, and nothing is read meanwhile', async () => {
  const told: string[] = []
  const { ws, come, wire } = open('a', told)
  await turn()
  come(300)
  ws.emit('close')
  const most = [told.length]
  expect([wire.pause.mock.calls.length, wire.resume.mock.calls.length]).toEqual([1, 0])
  while (told.length < 301 && most.length < 1000) {
    const before = told.length
    await turn()
    most.push(told.length - before)
  }
  expect(Math.max(...most)).toBeLessThanOrEqual(64)
  expect(told).toEqual([...Array.from({ length: 300 }, (_, n) => `a message ${n}`), 'a close '])
  expect(wire.resume).toHaveBeenCalledOnce()
})

test('one socket with hundreds of frames holds up no other, nor what is not read from the wire', async () => {
  const told: string[] = []
  const [a, b] = [open('a', told), open('b', told)]
  await turn()
  a.come(300)
  b.come(1)
  a.ws.emit('other')
  expect(told).toContain('a other ')
  await turn()
  await turn()
  expect(told).toContain('b message 0')
  expect(told.length).toBeLessThan(200)
  while (told.length < 302) await turn()
})

test('a frame is handled in the scope of its socket', async () => {
  const scope = new AsyncLocalStorage<string>()
  const ws = Object.assign(new EventEmitter(), { socket: null })
  const scopes = new Set<unknown>()
  let count = 0
  ws.on('message', () => {
    scopes.add(scope.getStore())
    count++
  })
  scope.run('its own', () => readInTurns({ ws } as unknown as WASocket))
  const other = open('b', [])
  await turn()
  scope.run('another', () => other.come(100))
  scope.run('its own', () => {
    for (let n = 0; n < 100; n++) ws.emit('message', n)
  })
  while (count < 100) await turn()
  expect([...scopes]).toEqual(['its own'])
})

test('a socket that fails before it is open, in a turn that is over, says so in the next', async () => {
  const told: string[] = []
  const busy = open('a', told)
  const { ws } = open('b', told)
  ws.on('error', () => told.push('b error'))
  const socket = new WebSocket('ws://127.0.0.1:1')
  Object.assign(ws, { socket })
  const ended = new Promise(resolve => ws.once('close', resolve))
  socket.on('error', error => {
    busy.come(300)
    ws.emit('error', error)
  })
  socket.on('close', () => ws.emit('close'))
  await ended
  expect(told.filter(what => what.startsWith('b'))).toEqual(['b error', 'b close '])
  while (told.length < 302) await turn()
})
