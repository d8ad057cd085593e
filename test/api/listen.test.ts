import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Trouble, Usage } from '../../src/cli/trouble.ts'
import { type VerifyOptions, verifyWebhook } from '../../src/cli/verify.ts'
import { envelope } from '../../src/events/envelope.ts'
import { record } from '../../src/events/record.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'

// Up to a dozen processes in a row.
vi.setConfig({ testTimeout: 120_000 })

let wataki: TestApp
let acme: Caller
let receiver: Receiver
beforeAll(async () => {
  // A server that comes back is found at the same address.
  wataki = await openTestApp({ PORT: String(await freePort()) })
  acme = await wataki.tenant()
}, 60_000)
afterAll(() => wataki.close())
beforeEach(async () => {
  receiver = await openReceiver()
})
const started: ChildProcess[] = []
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL')
  await receiver.close()
})

let made = 0
const newInstance = async (of = acme, sandbox = false): Promise<string> =>
  (await of.post('/v1/instances', { name: `bot ${++made}`, sandbox })).body.id

/** So many events of an instance, one after the other, as the engine's news would be. */
async function happen(instanceId: string, count = 1): Promise<void> {
  for (let i = 0; i < count; i++) {
    const event = await record(wataki.app.db.sql, wataki.app.clock, {
      type: 'connection.update',
      tenantId: acme.tenantId,
      instanceId,
      about: instanceId,
      data: { state: 'connected', last_error: 'a\u009bc', updated_at: '2026-01-01T00:00:00.000Z' },
      subject: null,
    })
    wataki.app.bus.publish(event)
  }
}

/** Of all events of an instance, from the first. */
async function idsOf(instanceId: string): Promise<string[]> {
  const ids: string[] = []
  for (let after = '0'; after; ) {
    const { body } = await acme.get(`/v1/instances/${instanceId}/events?limit=200&after=${after}`)
    ids.push(...body.data.map((each: Json) => each.id))
    after = body.page.next_cursor
  }
  return ids
}

interface Listener {
  child: ChildProcess
  out: () => string
  lines: () => string[]
  err: () => string
  exited: Promise<number | null>
}
function start(...words: string[]): Listener {
  const env = { ...process.env, WATAKI_API_KEY: acme.apiKey }
  const child = spawn(process.execPath, ['src/cli.ts', 'listen', '--url', wataki.url, ...words], { env })
  started.push(child)
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', chunk => (out += chunk))
  child.stderr.setEncoding('utf8').on('data', chunk => (err += chunk))
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  const lines = () => out.split('\n').slice(0, -1)
  return { child, out: () => out, lines, err: () => err, exited }
}
/** Once it is ready. */
async function listen(...words: string[]): Promise<Listener> {
  const listener = start(...words)
  await until(listener.err, said => said.includes('Ready.'))
  return listener
}
const forwarded = (count: number) =>
  until(
    () => receiver.got,
    got => got.length >= count,
  )
const got = () => receiver.got.map(each => each.body.id)
const secretIn = (listener: Listener) => /^Ready\. Signing secret (whsec_\S+)\n/.exec(listener.err())![1]!

describe('wataki listen', () => {
  it('forwards each event as a webhook carries it, signed in both ways, and says how it was taken', async () => {
    const bot = await connectedInstance(acme, 'sandboxed')
    const listener = await listen('--instance', bot, '--forward-to', receiver.url.replace('http://', ''))
    const text = { from: '5511900000011', type: 'text', content: { text: 'ola' } }
    await acme.post(`/v1/instances/${bot}/sandbox/messages`, text)
    const [{ raw, body, headers } = {} as never] = await forwarded(1)
    const event = (await acme.get(`/v1/instances/${bot}/events?limit=200`)).body.data.at(-1)
    const at = new Date(event.timestamp)
    const sent = { id: event.id, event: 'message.received', instanceId: bot, at, data: JSON.stringify(body.data) }
    expect(raw).toBe(envelope(sent))
    expect(body.data).toEqual(event.data)
    const secret = secretIn(listener)
    expect(headers['x-webhook-signature']).toBe(createHmac('sha256', secret).update(raw).digest('hex'))
    expect(new Webhook(secret).verify(raw, headers as Record<string, string>)).toEqual(body)
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Wataki-Webhooks/1.0',
      'webhook-id': event.id,
    })
    await until(listener.out, out => out !== '')
    expect(listener.out()).toMatch(/^\d\d:\d\d:\d\d message\.received → 200 \(\d+ ms\) evt_[0-9a-z]{26}\n$/)
    expect(listener.out()).toContain(event.id)
  })

  it('forwards in order and one at a time, and goes on after an answer that is no good, or none', async () => {
    const bot = await newInstance()
    await happen(bot, 2)
    const before = await idsOf(bot)
    const listener = await listen('--instance', bot, '--forward-to', receiver.url, '--secret', 'of my own')
    expect(listener.err()).toBe('Ready.\n')
    let [open, atOnce, count] = [0, 0, 0]
    receiver.answer((_, response) => {
      atOnce = Math.max(atOnce, ++open)
      const status = [500, 302, 0][count++] ?? 200
      setTimeout(() => {
        open--
        if (status === 0) response.destroy()
        else response.writeHead(status, { location: receiver.url }).end('x'.repeat(200_000))
      }, 50)
    })
    await happen(bot, 6)
    await until(listener.lines, lines => lines.length === 6)
    expect([...before, ...got()]).toEqual(await idsOf(bot))
    expect(atOnce).toBe(1)
    expect(listener.lines().map(line => /→ (.*) \(/.exec(line)![1])).toEqual([
      '500',
      '302',
      expect.stringMatching(/^failed: /),
      '200',
      '200',
      '200',
    ])
    const { raw, headers } = receiver.got[0]!
    expect(headers['x-webhook-signature']).toBe(createHmac('sha256', 'of my own').update(raw).digest('hex'))
  })

  it('misses and repeats nothing while the server is away, not even before the first event', async () => {
    const bot = await newInstance()
    const listener = await listen('--instance', bot, '--forward-to', receiver.url)
    const absence = async () => {
      listener.child.kill('SIGSTOP')
      await wataki.restart()
      await happen(bot, 5)
      listener.child.kill('SIGCONT')
    }
    await absence()
    await forwarded(5)
    await happen(bot, 3)
    await forwarded(8)
    await wataki.restart()
    await happen(bot, 3)
    await forwarded(11)
    await absence()
    await happen(bot, 2)
    await forwarded(18)
    await until(listener.lines, lines => lines.length === 18)
    expect(got()).toEqual(await idsOf(bot))
    expect(listener.err()).toMatch(/\nTrying again: .*\.\nConnected again\.\n/)
  })

  it('holds a bounded number for a receiver that is slow, and still gives it all, once and in order', async () => {
    const bot = await newInstance()
    const listener = await listen('--instance', bot, '--forward-to', receiver.url)
    const held = Promise.withResolvers<void>()
    receiver.answer(async (_, response) => {
      await held.promise
      response.writeHead(200).end()
    })
    await happen(bot, 700)
    // It has left the stream, and comes back when it has told of what it had.
    await until(
      () => wataki.app.bus.size,
      size => size === 0,
    )
    held.resolve()
    await until(listener.lines, lines => lines.length === 700)
    expect(got()).toEqual(await idsOf(bot))
    expect(listener.err().split('\n')).toHaveLength(2)
  })

  it('takes the only instance there is, and prints what happens when there is nowhere to forward it', async () => {
    const loja = await wataki.tenant()
    const key = ['--api-key', loja.apiKey]
    const none = start(...key)
    expect(await none.exited).toBe(1)
    expect(none.err()).toBe('wataki: the account has no instance yet\n')
    const bot = await newInstance(loja, true)
    const listener = await listen(...key)
    await loja.post(`/v1/instances/${bot}/connect`)
    await until(listener.out, out => /\n}\n/.test(out))
    const [line, ...json] = listener.out().split(/\n}\n/)[0]!.split('\n')
    expect(line).toMatch(/^\d\d:\d\d:\d\d connection\.update evt_\w+$/)
    const event = JSON.parse(`${json.join('\n')}}`)
    expect(event).toMatchObject({ event: 'connection.update', instance_id: bot, data: { state: 'connecting' } })
    const second = await newInstance(loja)
    const several = start(...key)
    expect(await several.exited).toBe(2)
    expect(several.err()).toMatch(new RegExp(`^wataki: which instance\\? .*${second} \\(bot \\d+\\), ${bot} .*\n$`))
  })

  it('hears of the types that were asked for', async () => {
    const bot = await newInstance()
    const listener = await listen('--instance', bot, '--events', 'connection.update,qr.updated', '--format', 'json')
    const other = await listen('--instance', bot, '--events', 'message.received', '--json')
    await happen(bot, 3)
    await until(listener.lines, lines => lines.length === 3)
    expect(other.out()).toBe('')
  })

  it('prints one JSON line for each event, with how it was taken, and no control character', async () => {
    const bot = await newInstance()
    const listener = await listen('--instance', bot, '--format', 'json', '--forward-to', receiver.url)
    receiver.answer(410)
    await happen(bot, 2)
    const [first] = await until(listener.lines, lines => lines.length === 2)
    expect(first).not.toMatch(/\p{Cc}/u)
    expect(JSON.parse(first!)).toEqual({
      ...receiver.got[0]!.body,
      forwarded: { status_code: 410, error: null, duration_ms: expect.any(Number) },
    })
    expect(JSON.parse(first!).data.last_error).toBe('a\u009bc')
  })

  it('ends with 0 on SIGINT, also amid a forward that takes its time', async () => {
    const bot = await newInstance()
    const listener = await listen('--instance', bot, '--forward-to', receiver.url)
    receiver.answer(() => {})
    await happen(bot)
    await forwarded(1)
    listener.child.kill('SIGINT')
    expect(await listener.exited).toBe(0)
    expect(listener.err().split('\n')).toHaveLength(2)
  })

  it('ends with one line that says what is wrong: with 2 when that is the command line, else with 1', async () => {
    const bot = await newInstance()
    const away = `http://127.0.0.1:${await freePort()}`
    for (const [words, says, code = 1] of [
      [['--api-key', 'f'.repeat(64)], 'the server does not take the API key'],
      [['--instance', 'inst_01m84k41q5bzehev0j4g4kfb1t'], 'instance not found'],
      [['--url', away, '--instance', bot], `no connection to ${away} (ECONNREFUSED)`],
      [['--url', `${wataki.url}/elsewhere`], `no connection to ${wataki.url} (Unexpected server response: 404)`],
      [['--url', 'ftp://example.com'], '--url must be an http or https URL', 2],
      [['--forward-to', 'mailto://x'], '--forward-to must be an http or https URL', 2],
      [['--events', 'message.received,x'], '--events: there is no x, but message.received, message.status', 2],
      [['--format', 'xml'], '--format must be text or json', 2],
      [['--api-key-file', '/dev/null'], '--api-key-file: there is nothing in it', 2],
    ] as const) {
      const listener = start(...words)
      expect(await listener.exited, words.join(' ')).toBe(code)
      expect(listener.err(), words.join(' ')).toMatch(/^wataki: [^\n]*\n$/)
      expect(listener.err()).toContain(says)
      expect(listener.out()).toBe('')
    }
  })

  it('ends with 1 when its instance is deleted, or its key revoked, while it listens', async () => {
    const bot = await newInstance()
    const { id, api_key: key } = (await acme.post('/v1/auth/api-keys', { name: 'laptop' })).body
    const [gone, revoked] = [await listen('--instance', bot), await listen('--instance', bot, '--api-key', key)]
    await acme.delete(`/v1/auth/api-keys/${id}`)
    expect(await revoked.exited).toBe(1)
    expect(revoked.err()).toMatch(/\nwataki: the server does not take the API key\n$/)
    await acme.delete(`/v1/instances/${bot}`)
    await wataki.restart()
    expect(await gone.exited).toBe(1)
    expect(gone.err()).toMatch(/\nwataki: instance not found\n$/)
  })
})

describe('wataki webhooks verify', () => {
  const SECRET = `whsec_${Buffer.from('a secret of 24 characters').toString('base64')}`
  const DATA = '{"text": "olá, \\"x\\"", "list": [1, {}]}'
  const at = new Date('2026-01-01T00:00:00.000Z')
  const BODY = envelope({ id: 'evt_1', event: 'message.received', instanceId: 'inst_1', at, data: DATA })
  const hex = createHmac('sha256', SECRET).update(BODY).digest('hex')
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'wataki-verify-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  /** As a command: its code, and what it says. */
  const verify = async (body: string, ...words: string[]): Promise<[number, string]> => {
    const path = join(folder, 'body')
    await writeFile(path, body)
    const run = promisify(execFile)(process.execPath, ['src/cli.ts', 'webhooks', 'verify', '--body', path, ...words])
    return run.then(
      ({ stdout }) => [0, stdout],
      error => [error.code, error.stderr],
    )
  }

  /** `--webhook-signature x` as the command line reads it. */
  const optionsIn = (words: string[]): VerifyOptions =>
    Object.fromEntries(
      words.flatMap((word, i) =>
        i % 2 ? [] : [[word.slice(2).replace(/-(.)/g, (_, letter) => letter.toUpperCase()), words[i + 1]!]],
      ),
    )

  /** The same without a process of its own. */
  const judge = async (body: string, ...words: string[]): Promise<[number, string]> => {
    const path = join(folder, 'body')
    await writeFile(path, body)
    const said = vi.spyOn(console, 'log').mockImplementation(() => {})
    try {
      await verifyWebhook({ body: path, ...optionsIn(words) })
      return [0, `${said.mock.calls.join('\n')}\n`]
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      return [error instanceof Usage ? 2 : 1, `wataki: ${error.message}\n`]
    } finally {
      said.mockRestore()
    }
  }

  it('says that a signature is right, and why it is not', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    const signed = (secondsAgo: number, secret = SECRET) => {
      const timestamp = seconds - secondsAgo
      const signature = new Webhook(secret).sign('evt_1', new Date(timestamp * 1000), BODY)
      return ['--webhook-signature', `v1,AAAA ${signature}`, '--id', 'evt_1', '--timestamp', String(timestamp)]
    }
    const [known, other] = [
      ['--secret', SECRET],
      ['--secret', 'whsec_b3RoZXI='],
    ]
    for (const [body, words, code, says] of [
      [BODY, [...known, '--signature', hex], 0, 'X-Webhook-Signature is right'],
      [BODY, [...other, '--signature', hex], 1, 'another secret'],
    ] as const) {
      const answer = await verify(body, ...words)
      expect(answer, words.join(' ')).toEqual([code, expect.stringContaining(says)])
      expect(await judge(body, ...words)).toEqual(answer)
    }
    for (const [body, words, code, says] of [
      [BODY, [...known, ...signed(0)], 0, 'webhook-signature is right'],
      [BODY, [...other, ...signed(0)], 1, 'another secret'],
      [JSON.stringify(JSON.parse(BODY)), [...known, '--signature', hex], 1, 'encoded anew'],
      [`${BODY}\n`, [...known, ...signed(0)], 1, 'encoded anew'],
      ['no JSON', [...known, '--signature', hex], 1, 'another secret'],
      [BODY, [...known, ...signed(400)], 1, 'webhook-timestamp is 4'],
      [BODY, [...known, '--signature', 'v1,AAAA'], 1, 'give that as --webhook-signature'],
      [BODY, [...known, '--webhook-signature', hex, '--id', 'e', '--timestamp', '1'], 1, 'give it as --signature'],
      [BODY, [...known, '--webhook-signature', 'v1,AAAA'], 2, 'needs --id and --timestamp'],
      [BODY, known, 2, 'either --signature or --webhook-signature'],
    ] as const) {
      const answer = await judge(body, ...words)
      expect(answer, words.join(' ')).toEqual([code, expect.stringContaining(says)])
      expect(answer[1]).toMatch(/^[^\n]+\n$/)
    }
  })
})
