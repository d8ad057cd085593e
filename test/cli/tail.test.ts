import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'
import { start } from './cli.ts'

let wataki: TestApp
let acme: Caller
let bot: string
let env: Record<string, string>
beforeAll(async () => {
  // A server that comes back is found at the same address.
  wataki = await openTestApp({ PORT: String(await freePort()) })
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  env = { WATAKI_API_KEY: acme.apiKey, WATAKI_URL: wataki.url }
}, 60_000)
afterAll(() => wataki.close())

const hear = (text: string, from = '5511977770001') =>
  acme.post(`/v1/instances/${bot}/sandbox/messages`, { from, type: 'text', content: { text } })
const send = (text: string, to = '5511977770001') =>
  acme.post(`/v1/instances/${bot}/messages`, { chat_id: to, type: 'text', content: { text } })

const seqNow = async (): Promise<number> =>
  (await acme.graphql('query ($id: ID!) { instance(instanceId: $id) { eventCount } }', { id: bot })).data.instance
    .eventCount
const texts = (values: Json[]) => values.map(each => each.data.content.text)

describe('wataki messages tail', () => {
  it('misses and repeats nothing while the server is away, in the order in which it happened', async () => {
    const after = await seqNow()
    const tail = start(['messages', 'tail', '--json', '--after', String(after)], { env })
    await hear('one')
    await send('two')
    await until(tail.values, values => values.length === 2)
    tail.child.kill('SIGSTOP')
    await wataki.restart()
    await until(
      async () => (await acme.get(`/v1/instances/${bot}`)).body.status.state,
      state => state === 'connected',
    )
    await hear('three')
    await send('four')
    tail.child.kill('SIGCONT')
    await until(tail.values, values => values.length === 4)
    await wataki.restart()
    await until(
      async () => (await acme.get(`/v1/instances/${bot}`)).body.status.state,
      state => state === 'connected',
    )
    await hear('five')
    await until(tail.values, values => values.length === 5)
    const { body } = await acme.get(`/v1/instances/${bot}/events?limit=200&after=${after}`)
    const happened = body.data.filter((each: Json) => ['message.received', 'message.created'].includes(each.event))
    const told = ({ id, event, instance_id, timestamp, data }: Json) => ({ id, event, instance_id, timestamp, data })
    expect(tail.values().map(told)).toEqual(happened.map(told))
    expect(texts(happened).sort()).toEqual(['five', 'four', 'one', 'three', 'two'])
    const seqs = tail.values().map(each => each.seq)
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b))
    tail.child.kill('SIGINT')
    expect(await tail.exited).toMatchObject({
      code: 0,
      err: expect.stringMatching(/^Trying again: .*\.\nConnected again\.\n/),
    })
  })

  it('prints a line for each, of one chat when that is asked for, and lets no contact steer the terminal', async () => {
    const tail = start(['messages', 'tail', '--instance', 'bot', '--chat', '+55 11 97777-0002', '--status'], { env })
    await until(tail.err, said => said === 'Ready.\n')
    await hear('to another')
    await hear('evil\u001b[2Jtext\r\nof\u009b two lines', '5511977770002')
    await until(tail.out, out => out !== '')
    await send('answer', '5511977770002')
    await until(tail.out, out => / is read\n/.test(out))
    const [first, second, ...status] = tail.out().split('\n')
    expect(first).toMatch(/^\d\d:\d\d:\d\d ← \+5511977770002 evil \[2Jtext of {2}two lines$/)
    expect(second).toMatch(/^\d\d:\d\d:\d\d → \+5511977770002 answer$/)
    expect(status.join('\n')).toMatch(/^\d\d:\d\d:\d\d · msg_\w+ is sent\n[\s\S]* is delivered\n[\s\S]* is read\n$/)
    expect(tail.out()).not.toContain('to another')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(tail.out()).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
  })
})
