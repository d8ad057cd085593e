import { expect, it } from 'vitest'
import type { ClaimedMessage } from '../../db/queries/outbox.ts'
import { Lane, Lanes } from './lanes.ts'

const message = (id: string, chat: string): ClaimedMessage => ({
  id,
  tenantId: 'ten_1',
  whatsappId: id,
  chat,
  to: chat,
  type: 'text',
  attempts: 1,
  expiresAt: new Date(),
  dueAt: new Date(),
  trace: null,
  actionOf: null,
  payload: Buffer.alloc(0),
})

it('sends one chat in order, each after the one before it, and chats side by side', async () => {
  const lane = new Lane()
  const log: string[] = []
  const gates = new Map<string, () => void>()
  const send = async ({ id }: ClaimedMessage) => {
    log.push(`begin ${id}`)
    await new Promise<void>(resolve => gates.set(id, resolve))
    log.push(`end ${id}`)
    return true
  }
  const first = lane.enqueue(message('a1', 'a'), send)
  expect(lane.enqueue(message('a2', 'a'), send)).toBeNull()
  const other = lane.enqueue(message('b1', 'b'), send)
  await Promise.resolve()
  expect(log).toEqual(['begin a1', 'begin b1'])
  gates.get('a1')!()
  await expect.poll(() => gates.has('a2')).toBe(true)
  gates.get('b1')!()
  gates.get('a2')!()
  await Promise.all([first, other])
  expect(log).toEqual(['begin a1', 'begin b1', 'end a1', 'begin a2', 'end b1', 'end a2'])
})

it('holds the rest of a chat back when one of it could not go, and lets it be claimed again', async () => {
  const lane = new Lane()
  const sent: string[] = []
  const send = async ({ id }: ClaimedMessage) => {
    sent.push(id)
    return false
  }
  const chat = lane.enqueue(message('a1', 'a'), send)
  lane.enqueue(message('a2', 'a'), send)
  await chat
  expect(sent).toEqual(['a1'])
  expect(lane.inFlight).toEqual([])
})

it('lets at most sixteen be handed over at a time', async () => {
  const lane = new Lane()
  let now = 0
  let most = 0
  const send = async () => {
    most = Math.max(most, ++now)
    await new Promise(resolve => setImmediate(resolve))
    now--
    return true
  }
  await Promise.all(Array.from({ length: 100 }, (_, i) => lane.enqueue(message(`m${i}`, `c${i}`), send)))
  expect(most).toBe(16)
})

it('forgets what was written and not acked in time, and the lane itself when nothing is under way', async () => {
  const lanes = new Lanes()
  const lane = lanes.of('i')
  await lane.enqueue(message('a1', 'a'), async () => true)
  lane.written('a1', 1000)
  lane.forgetWritten(999)
  expect(lane.inFlight).toEqual(['a1'])
  lane.forgetWritten(1000)
  expect(lane.inFlight).toEqual([])
  lanes.release('i')
  expect(lanes.of('i')).not.toBe(lane)
})

it('knows which chats were broken since a claim began: what the claim brings of them would overtake', async () => {
  const lane = new Lane()
  lane.beginClaim()
  await lane.enqueue(message('a1', 'a'), async () => false)
  await lane.enqueue(message('b1', 'b'), async () => true)
  expect([lane.isBroken('a'), lane.isBroken('b')]).toEqual([true, false])
  lane.beginClaim()
  expect(lane.isBroken('a')).toBe(false)
})

it('knows the connection on which messages may go out, until there is none', () => {
  const lanes = new Lanes()
  expect(lanes.wayOf('i')).toBeNull()
  lanes.connect('i', { connection: 7, epoch: 2 })
  expect(lanes.wayOf('i')).toEqual({ connection: 7, epoch: 2 })
  lanes.connect('i', null)
  expect(lanes.wayOf('i')).toBeNull()
})
