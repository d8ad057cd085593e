import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE } from '../support/receiver.ts'
import { errorOf, home, jsonOf, run, start } from './cli.ts'

let wataki: TestApp
let acme: Caller
let env: Record<string, string>
/** Connected, and the only one but for what a test makes and deletes. */
let bot: string
beforeAll(async () => {
  wataki = await openTestApp(RECEIVABLE)
  acme = await wataki.tenant()
  env = { WATAKI_API_KEY: acme.apiKey, WATAKI_URL: wataki.url }
}, 60_000)
afterAll(() => wataki.close())

const json = (...words: string[]) => jsonOf(words, { env })
const error = (...words: string[]) => errorOf(words, { env })

describe('wataki instances', () => {
  it('are made, connected by a scan, shown and listed', async () => {
    expect(await error('send', '5511999999999', 'Hi')).toMatchObject({
      exit: 1,
      message: expect.stringContaining('no instance yet'),
    })
    const made = await json('instances', 'create', 'shop', '--sandbox', '--description', 'of mine')
    expect(made).toMatchObject({
      id: expect.stringMatching(/^inst_/),
      name: 'shop',
      description: 'of mine',
      sandbox: true,
    })
    bot = made.id
    const connecting = start(['instances', 'connect', 'shop', '--json'], { env })
    await until(connecting.values, values => values.at(-1)?.state === 'qr_required')
    expect(await json('sandbox', 'scan')).toMatchObject({ state: 'connected' })
    const { code, err } = await connecting.exited
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const told = connecting.values()
    const first = told.find(each => each.qr)
    expect(first).toEqual({
      instance_id: bot,
      state: 'qr_required',
      qr: expect.any(String),
      expires_at: expect.any(String),
      pairing_code: null,
    })
    expect(told.at(-1)).toEqual({ instance_id: bot, state: 'connected', last_error: null })
    expect(await json('instances', 'show', bot)).toEqual((await acme.get(`/v1/instances/${bot}`)).body)
    const listed = await run(['instances', 'list'], { env })
    expect(listed.out).toMatch(new RegExp(`^ID +NAME +STATE +PHONE\n${bot} +shop +connected +\\+\\d+ +sandbox\n$`))
    expect(await run(['instances', 'connect', 'shop'], { env })).toMatchObject({
      code: 0,
      out: `${bot} is connected.\n`,
    })
  })

  it('are disconnected and deleted, but not without a word', async () => {
    const other = await json('instances', 'create', 'other', '--sandbox')
    expect(await error('send', '5511999999999', 'Hi')).toMatchObject({
      exit: 2,
      message: expect.stringContaining(`${other.id} (other)`),
    })
    expect(await json('instances', 'disconnect', 'other')).toMatchObject({ state: 'disconnected' })
    expect(await error('instances', 'delete', 'other')).toMatchObject({
      exit: 2,
      message: expect.stringContaining('--yes'),
    })
    expect(await json('instances', 'delete', 'other', '--yes')).toEqual({ id: other.id, deleted: true })
    expect(await error('instances', 'show', other.id)).toMatchObject({ exit: 1, code: 'not_found' })
    expect(await error('instances', 'show', 'other')).toMatchObject({ exit: 1, code: 'not_found' })
    expect(await error('instances', 'create', 'shop')).toMatchObject({ exit: 1, code: 'duplicate' })
  })

  it('give a code to type, when that was asked for', async () => {
    const { id } = await json('instances', 'create', 'typed', '--sandbox')
    const connecting = start(['instances', 'connect', id, '--code', '+55 11 99999-0001'], { env })
    await until(connecting.out, out => out.includes('Link with phone number'))
    expect(connecting.out()).toMatch(/^Pairing code: [A-Z0-9-]{8,9}\n/)
    connecting.child.kill('SIGINT')
    expect(await connecting.exited).toMatchObject({ code: 0, err: '' })
    await json('instances', 'delete', id, '--yes')
  })
})

describe('wataki send', () => {
  it('sends a text, and waits until it has come so far', async () => {
    const sent = await json('send', '+55 11 90000-0001', 'Olá', '--wait', 'read')
    expect(sent).toMatchObject({ status: 'read', type: 'text', content: { text: 'Olá' }, instance_id: bot })
    expect((await json('send', '5511900000003', 'x', '--wait')).status).toBe('delivered')
    const ran = await run(['send', '5511900000001', '-', '--instance', 'shop'], { env, input: 'by\nstdin' })
    expect(ran).toMatchObject({
      code: 0,
      err: '',
      out: expect.stringMatching(/^msg_\w+ to 5511900000001@s\.whatsapp\.net: \w+\n$/),
    })
    const { body } = await acme.get(`/v1/instances/${bot}/messages?limit=1&chat_id=5511900000001`)
    expect(body.data[0].content.text).toBe('by\nstdin')
  })

  it('says why a message failed, and that one goes on by itself', async () => {
    expect(await error('send', '5511900000004', 'x', '--wait')).toMatchObject({
      exit: 1,
      message: expect.stringMatching(/^the message failed: /),
      details: { message_id: expect.stringMatching(/^msg_/) },
    })
    expect(await error('send', '5511900000003', 'x', '--wait', 'read', '--timeout', '1')).toMatchObject({
      exit: 1,
      code: 'timeout',
      details: { status: 'delivered' },
    })
  })

  it('sends once what is sent again with the same key', async () => {
    const again = () => json('send', '5511900000001', 'once', '--idempotency-key', 'order-7')
    const [first, second] = [await again(), await again()]
    expect(second.id).toBe(first.id)
    expect(await error('send', '5511900000001', 'else', '--idempotency-key', 'order-7')).toMatchObject({
      exit: 1,
      code: 'idempotency_conflict',
    })
  })

  it('sends files as what their bytes say, or as what was asked for', async () => {
    const png = join(home, 'dot.png')
    const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
    await writeFile(png, Buffer.from(dot, 'base64'))
    const image = await json('send', '5511900000001', '--file', png, '--caption', 'A dot')
    expect(image).toMatchObject({ type: 'image', content: { caption: 'A dot', media: { mime_type: 'image/png' } } })
    const document = await json('send', '5511900000001', '--document', png, '--filename', 'plan.png')
    expect(document).toMatchObject({ type: 'document', content: { filename: 'plan.png' } })
    expect(await error('send', '5511900000001', '--video', png)).toMatchObject({ exit: 1, code: 'validation_error' })
    expect(await error('send', '5511900000001', '--file', join(home, 'none'))).toMatchObject({
      exit: 1,
      code: 'failed',
    })
  })

  it('is refused when it makes no sense, with all that is wrong', async () => {
    for (const words of [
      [],
      ['text', '--file', 'x'],
      ['text', '--wait', 'soon'],
      ['text', '--wait', '--timeout', 'long'],
    ]) {
      expect(await error('send', '5511900000001', ...words), words.join(' ')).toMatchObject({ exit: 2, code: 'usage' })
    }
    expect(await error('send', 'nobody', 'x', '--expires-in', '999999')).toMatchObject({
      exit: 1,
      code: 'validation_error',
      message: expect.stringMatching(/chat_id .*; .*expires_in|expires_in .*; .*chat_id/),
      details: { chat_id: expect.any(String), expires_in: expect.any(String) },
    })
  })
})

describe('wataki sandbox say', () => {
  const contact = '5511988887777'
  const heard = async (): Promise<string[]> =>
    (await acme.get(`/v1/instances/${bot}/messages?chat_id=${contact}@s.whatsapp.net`)).body.data.map(
      (message: { content: { text: string } }) => message.content.text,
    )

  it('takes who and what by name or in order, and the instance by either name', async () => {
    const forms = [
      ['--from', contact, '--text', 'by name', '--to', 'shop'],
      ['--text', 'half', '+55 11 98888-7777', '--instance', bot],
      ['--from', contact, 'other half'],
      [contact, 'in order', '--to', 'shop', '--instance', 'shop'],
    ]
    for (const words of forms) {
      expect(await json('sandbox', 'say', ...words), words.join(' ')).toEqual({ whatsapp_id: expect.any(String) })
    }
    await until(heard, texts => texts.length === forms.length)
    expect((await heard()).sort()).toEqual(['by name', 'half', 'in order', 'other half'])
  })

  it('says what is missing, or wrong, with an example', async () => {
    const example = 'as in: wataki sandbox say --from +5511900000002 --text "Is it ready?"'
    const who = '--from (the phone number of who writes)'
    for (const [words, message] of [
      [[], `${who} and --text (what they write) are missing, ${example}`],
      [[contact], `--text (what they write) is missing, ${example}`],
      [['--text', 'Hi'], `${who} is missing, ${example}`],
      [['shop', 'Hi'], `--from is the phone number of who writes, and not shop, ${example}`],
      [['--from', contact, '--text', 'Hi', 'more'], 'more is too much: --from and --text are there already'],
      [[contact, 'Hi', '--to', 'shop', '--instance', 'x'], '--to and --instance mean the same: say one of them'],
    ] as const) {
      expect(await error('sandbox', 'say', ...words)).toEqual({ exit: 2, code: 'usage', message, details: {} })
    }
  })
})

describe('wataki webhooks', () => {
  it('are listed, and sent again: one delivery, or all that failed since', async () => {
    expect(await json('webhooks', 'list')).toEqual({ data: [] })
    const receiver = await openReceiver()
    receiver.answer(410)
    const path = `/v1/instances/${bot}/webhooks`
    const { body: hook } = await acme.post(path, { url: receiver.url, events: ['message.received'] })
    expect((await json('webhooks', 'list')).data).toMatchObject([{ id: hook.id, url: receiver.url, active: true }])
    await json('sandbox', 'say', '+55 11 98888-0000', 'Is it ready?')
    const failed = await until(
      async () => (await acme.get(`${path}/${hook.id}/deliveries`)).body.data[0],
      delivery => delivery?.status === 'failed',
    )
    const listed = await run(['webhooks', 'list'], { env })
    expect(listed.out).toMatch(new RegExp(`\n${hook.id}  gone +${receiver.url}`))
    await acme.patch(`${path}/${hook.id}`, { active: true })
    receiver.answer(200)
    expect(await json('webhooks', 'replay', failed.id)).toMatchObject({ id: failed.id, status: 'delivered' })
    expect(await json('webhooks', 'replay', hook.id, '--since', '2026-01-01T00:00:00Z')).toEqual({
      webhook_id: hook.id,
      replayed: 0,
    })
    const all = await json('webhooks', 'replay', hook.id, '--since', '2026-01-01T00:00:00Z', '--all')
    expect(all.replayed).toBe(1)
    await until(
      () => receiver.got.length,
      count => count === 3,
    )
    for (const words of [[hook.id], [failed.id, '--since', '2026-01-01T00:00:00Z'], ['evt_1']]) {
      expect(await error('webhooks', 'replay', ...words), words.join(' ')).toMatchObject({ exit: 2, code: 'usage' })
    }
    await receiver.close()
  })
})
