import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { type Cable, openCable } from './cable.ts'
import { type Environment, until } from './processes.ts'
import { rowsOf } from './rows.ts'
import { acquaint, DONE } from './traffic.ts'
import { type Message, openWorld, type World } from './world.ts'

/** Each moment at which a crash could lose or double a message, made to last until the server is killed in it. */

const BOB = '5511988880001'
/** Its receipts, which would prove the ack, take 30 s. */
const SLOW = '5511900000006'
const COUNT = 5
const IMMACULATE = { eventsAmiss: [], statusTwice: [], readTwice: 0 }

let cable: Cable
let world: World
let id: string
let contact: string
beforeAll(async () => {
  const reach = async (printed: Environment) => {
    cable = await openCable(printed.WHATSAPP_WS_URL!)
    return { ...printed, WHATSAPP_WS_URL: cable.url }
  }
  world = await openWorld({ reach })
}, 60_000)
afterAll(async () => {
  await world?.close()
  await cable?.close()
}, 30_000)

let made = 0
let unreadable = 0
beforeEach(async () => {
  cable.lose(null)
  if (!world.server.isUp) await world.server.start()
  id = await world.link(`instance ${++made}`)
  await meet(BOB)
}, 30_000)

beforeEach(() => void (unreadable = world.unreadable()))
afterEach(() => expect(world.unreadable() - unreadable).toBe(0))

async function meet(other: string): Promise<void> {
  contact = other
  await acquaint(world, id, contact)
}

const numbered = (word: string): string[] => Array.from({ length: COUNT }, (_, i) => `${word} ${i}`)

const stored = async (direction: Message['direction']): Promise<Message[]> =>
  (await world.messages(id, contact)).filter(message => message.direction === direction).slice(1)

const textsOf = (messages: Message[]): string[] => messages.map(message => message.content.text)

async function crash(): Promise<void> {
  await world.server.kill()
  cable.lose(null)
  await world.server.start()
}

/** Each when the one before has its row, for the answer may be a while. */
async function sendAll(texts: string[]): Promise<Awaited<ReturnType<World['send']>>[]> {
  const sending: ReturnType<World['send']>[] = []
  for (const text of texts) {
    sending.push(world.send(id, contact, text))
    await until(async () => (await stored('outbound')).length === sending.length, `a row of ${text}`)
  }
  return Promise.all(sending)
}

/** What the contact shows when the API says that all is sent. */
async function shown(): Promise<string[]> {
  await until(async () => (await stored('outbound')).every(({ status }) => DONE.includes(status)), 'all are sent')
  return (await world.shown(id, contact)).slice(1)
}

it('killed after the commit and before the receipt: what comes again is answered from the inbox', async () => {
  cable.lose('up')
  for (const text of numbered('in')) await world.say(id, contact, text)
  await until(async () => (await stored('inbound')).length === COUNT, 'the messages in the API')
  expect(await world.unacknowledged()).toBe(COUNT)
  await crash()
  await until(async () => (await world.unacknowledged()) === 0, 'all are acknowledged')
  expect(textsOf(await stored('inbound'))).toEqual(numbered('in'))
  expect(await rowsOf(world, id)).toMatchObject(IMMACULATE)
}, 30_000)

it('killed after the receipt and before the message has its row: it is told from the inbox', async () => {
  await world.withDatabase(async ({ pool }) => {
    const client = await pool.connect()
    await client.query('begin; lock table message in exclusive mode')
    for (const text of numbered('in')) await world.say(id, contact, text)
    await until(async () => (await world.unacknowledged()) === 0, 'all are acknowledged')
    expect(await stored('inbound')).toEqual([])
    await world.server.kill()
    client.release(true)
  })
  await world.server.start()
  await until(async () => (await stored('inbound')).length === COUNT, 'the messages in the API')
  expect(textsOf(await stored('inbound'))).toEqual(numbered('in'))
  expect(await rowsOf(world, id)).toMatchObject(IMMACULATE)
}, 30_000)

it('killed before the network has what was accepted: it goes out at once after the start', async () => {
  cable.lose('up')
  const answers = await sendAll(numbered('out'))
  expect(answers.map(answer => [answer.status, answer.body.status])).toEqual(Array(COUNT).fill([202, 'pending']))
  expect(await world.shown(id, contact)).toHaveLength(1)
  await crash()
  expect(await shown()).toEqual(numbered('out'))
  expect(await rowsOf(world, id)).toMatchObject({ ...IMMACULATE, sentAgain: COUNT })
}, 30_000)

it('killed after the network has it and before its ack came: it goes out again and is shown once', async () => {
  await meet(SLOW)
  cable.lose('down')
  await sendAll(numbered('out'))
  expect(await world.shown(id, contact)).toHaveLength(1 + COUNT)
  await crash()
  expect(await shown()).toEqual(numbered('out'))
  expect(await rowsOf(world, id)).toMatchObject({ ...IMMACULATE, sentAgain: COUNT })
}, 30_000)

interface Timeline {
  whatsapp_id: string
  dispatches: number
  data: { kind: string; node: string }[]
}

it('killed between the socket and the ack: the timeline tells both dispatches, of one WhatsApp id, and by whom', async () => {
  await meet(SLOW)
  cable.lose('down')
  const { body } = await world.send(id, contact, 'out')
  expect(await world.shown(id, contact)).toHaveLength(2)
  const timeline = async () => (await world.call<Timeline>('GET', `/instances/${id}/messages/${body.id}/timeline`)).body
  const before = await timeline()
  expect(before.data.map(({ kind }) => kind)).toEqual(['accepted', 'dispatched'])
  await crash()
  await until(async () => (await timeline()).data.some(({ kind }) => kind === 'sent'), 'it is sent')
  const { data, ...after } = await timeline()
  expect(data.map(({ kind }) => kind)).toEqual(['accepted', 'dispatched', 'dispatched', 'sent'])
  const [accepted, first, second, sent] = data.map(({ node }) => node)
  expect([accepted, sent]).toEqual([first, second])
  expect(second).not.toBe(first)
  expect(after).toMatchObject({ whatsapp_id: before.whatsapp_id, dispatches: 2 })
}, 30_000)

it('what is written while a restart makes a new session spoils neither the old one nor the new', async () => {
  const said: string[] = []
  const say = async () => void (await world.say(id, contact, said[said.push(`in ${said.length}`) - 1]!))
  cable.lose('up')
  const sending = sendAll(numbered('out'))
  for (let i = 0; i < 20; i++) await say()
  await sending
  const crashed = crash()
  const isSent = async () => (await stored('outbound').catch(() => [])).some(({ status }) => DONE.includes(status))
  for (let i = 0; i < 500 && !(await isSent()); i++) await say()
  await crashed
  expect(await shown()).toEqual(numbered('out'))
  await say()
  await until(async () => (await stored('inbound')).length === said.length, 'all messages in the API')
  expect(textsOf(await stored('inbound'))).toEqual(said)
  expect(await rowsOf(world, id)).toMatchObject(IMMACULATE)
}, 60_000)

it('SIGTERM while calls wait for acks: each gets its answer, the exit code is 0 within 10 s, nothing is lost', async () => {
  cable.lose('down')
  const sending = Promise.all(numbered('out').map(text => world.send(id, contact, text)))
  await until(async () => (await stored('outbound')).length === COUNT, 'a row of each')
  const { code, tookMs } = await world.server.terminate()
  expect(code).toBe(0)
  expect(tookMs).toBeLessThan(10_000)
  expect((await sending).map(answer => answer.status)).toEqual(Array(COUNT).fill(202))
  cable.lose(null)
  await world.server.start()
  expect((await shown()).sort()).toEqual(numbered('out'))
}, 40_000)
