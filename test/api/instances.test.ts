import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, openTestApp, type TestApp, until } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let other: Caller

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  other = await wataki.tenant()
})
afterAll(() => wataki.close())

const PNG = /^data:image\/png;base64,iVBOR/

describe('POST /v1/instances', () => {
  it('creates an instance from a name alone, config at its defaults, answered 201', async () => {
    const { status, body } = await acme.post('/v1/instances', { name: 'defaults' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^inst_[0-9a-z]{26}$/),
      name: 'defaults',
      description: null,
      status: { state: 'disconnected', last_error: null, updated_at: expect.stringMatching(/\.\d{3}Z$/) },
      phone_number: null,
      config: { auto_reconnect: true, download_media: false, emit_raw: false },
      sandbox: false,
      created_at: expect.stringMatching(/\.\d{3}Z$/),
      updated_at: expect.stringMatching(/\.\d{3}Z$/),
    })
  })

  it('takes description and config', async () => {
    const { body } = await acme.post('/v1/instances', {
      name: 'full',
      description: 'Customer support bot',
      config: { auto_reconnect: false, download_media: true, emit_raw: true },
    })
    expect(body).toMatchObject({
      description: 'Customer support bot',
      config: { auto_reconnect: false, download_media: true, emit_raw: true },
    })
  })

  it('answers 409 duplicate when the tenant has the name, and lets another tenant have it', async () => {
    await acme.post('/v1/instances', { name: 'twin' })
    const again = await acme.post('/v1/instances', { name: 'twin' })
    expect(again).toMatchObject({ status: 409, body: { error: { code: 'duplicate' } } })
    expect((await other.post('/v1/instances', { name: 'twin' })).status).toBe(201)
  })

  it('lets exactly one of many concurrent creates with one name through', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => acme.post('/v1/instances', { name: 'race' })))
    expect(answers.map(answer => answer.status).sort()).toEqual([201, ...Array(19).fill(409)])
  })

  it('names every bad field at once', async () => {
    const { status, body } = await acme.post('/v1/instances', {
      name: '',
      descripton: 'typo',
      description: 5,
      config: { emit_raw: 'yes', autoReconnect: true, download_media: null },
      sandbox: 'true',
    })
    expect(status).toBe(400)
    expect(body.error.code).toBe('validation_error')
    expect(Object.keys(body.error.details).sort()).toEqual([
      'config.autoReconnect',
      'config.download_media',
      'config.emit_raw',
      'description',
      'descripton',
      'name',
      'sandbox',
    ])
  })

  it('answers 400 naming the required field when the body is missing or empty', async () => {
    for (const body of [undefined, {}]) {
      const answer = await acme.post('/v1/instances', body)
      expect(answer).toMatchObject({ status: 400, body: { error: { details: { name: 'is required' } } } })
    }
  })
})

describe('GET /v1/instances', () => {
  it('lists newest first in pages that end with next_cursor null', async () => {
    const lister = await wataki.tenant()
    for (const name of ['a', 'b', 'c']) await lister.post('/v1/instances', { name })
    const first = await lister.get('/v1/instances?limit=2')
    expect(first.body.data.map((item: { name: string }) => item.name)).toEqual(['c', 'b'])
    const cursor = first.body.page.next_cursor
    await lister.post('/v1/instances', { name: 'd' })
    const second = await lister.get(`/v1/instances?limit=2&cursor=${cursor}`)
    expect(second.body.data.map((item: { name: string }) => item.name)).toEqual(['a'])
    expect(second.body.page.next_cursor).toBeNull()
  })

  it('answers 400 to a limit outside 1…200 and to an unreadable or foreign cursor', async () => {
    for (const limit of ['0', '201', '-1', 'abc', '1.5', '']) {
      expect(await acme.get(`/v1/instances?limit=${limit}`), limit).toMatchObject({
        status: 400,
        body: { error: { details: { limit: expect.any(String) } } },
      })
    }
    for (const cursor of ['xyz', 'MTI=', Buffer.from('msg_01m84k41q5bzehev0j4g4kfb1t').toString('base64url')]) {
      expect(await acme.get(`/v1/instances?cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { error: { details: { cursor: expect.any(String) } } },
      })
    }
  })

  it('shows a tenant nothing of another', async () => {
    const stranger = await wataki.tenant()
    expect((await stranger.get('/v1/instances')).body).toEqual({ data: [], page: { next_cursor: null } })
  })
})

describe('PATCH /v1/instances/{instance_id}', () => {
  it('changes what is given and keeps the rest', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'before', description: 'd', config: { emit_raw: true } })
    const patched = await acme.patch(`/v1/instances/${body.id}`, { name: 'after', config: { download_media: true } })
    expect(patched).toMatchObject({
      status: 200,
      body: { name: 'after', description: 'd', config: { auto_reconnect: true, download_media: true, emit_raw: true } },
    })
    expect((await acme.get(`/v1/instances/${body.id}`)).body).toEqual(patched.body)
  })

  it('removes the description by null and refuses null elsewhere', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'nulls', description: 'd' })
    const path = `/v1/instances/${body.id}`
    expect((await acme.patch(path, { description: null })).body.description).toBeNull()
    expect(await acme.patch(path, { name: null, config: null })).toMatchObject({
      status: 400,
      body: { error: { details: { name: expect.any(String), config: expect.any(String) } } },
    })
  })

  it('answers 409 when another instance has the new name', async () => {
    await acme.post('/v1/instances', { name: 'taken' })
    const { body } = await acme.post('/v1/instances', { name: 'free' })
    expect((await acme.patch(`/v1/instances/${body.id}`, { name: 'taken' })).status).toBe(409)
  })
})

describe('POST /v1/instances/{instance_id}/connect', () => {
  it('answers the QR as a string and as a PNG, and the newest one when asked again', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'qr', sandbox: true })
    const connect = `/v1/instances/${body.id}/connect`
    const first = await acme.post(connect)
    expect(first).toMatchObject({
      status: 200,
      body: { status: { state: 'qr_required' }, qr: expect.any(String), qr_image_data_url: expect.stringMatching(PNG) },
    })
    expect(Object.keys(first.body).sort()).toEqual(['pairing_code', 'qr', 'qr_image_data_url', 'status'])
    const again = await acme.post(connect, {})
    expect(again.body.qr).toBe(first.body.qr)
  })

  it('answers a pairing code instead when the phone number is given', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'code', sandbox: true })
    const connect = await acme.post(`/v1/instances/${body.id}/connect`, { phone_number: '+55 11 98888-7777' })
    expect(connect.body).toMatchObject({ qr: null, pairing_code: expect.stringMatching(/^[A-Z0-9]{8}$/) })
    const entered = wataki.app.sandbox!.enterCode(body.id, {
      code: connect.body.pairing_code,
      phoneNumber: '5511988887777',
    })
    await entered
    const linked = await until(
      () => acme.get(`/v1/instances/${body.id}`),
      answer => answer.body.status.state === 'connected',
    )
    expect(linked.body.phone_number).toBe('+5511988887777')
  })

  it('answers connected with no QR when it is connected already', async () => {
    const id = await connectedInstance(acme, 'connected')
    expect((await acme.post(`/v1/instances/${id}/connect`)).body).toMatchObject({
      status: { state: 'connected', last_error: null },
      qr: null,
      qr_image_data_url: null,
      pairing_code: null,
    })
  })

  it('names a bad phone number', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'bad phone', sandbox: true })
    for (const phone of ['12', 'abc', '+55119999\n', '1234567890123456']) {
      expect(await acme.post(`/v1/instances/${body.id}/connect`, { phone_number: phone })).toMatchObject({
        status: 400,
        body: { error: { details: { phone_number: expect.any(String) } } },
      })
    }
  })
})

describe('POST /v1/instances/{instance_id}/disconnect', () => {
  it('closes the socket and keeps the link: a later connect needs no QR', async () => {
    const id = await connectedInstance(acme, 'keeps link')
    const stopped = await acme.post(`/v1/instances/${id}/disconnect`)
    expect(stopped).toMatchObject({ status: 200, body: { state: 'disconnected', last_error: null } })
    const back = await acme.post(`/v1/instances/${id}/connect`)
    expect(back.body).toMatchObject({ status: { state: 'connected' }, qr: null })
  })
})

describe('GET /v1/instances/{instance_id}/status', () => {
  it('answers state, last_error and updated_at', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'status' })
    expect((await acme.get(`/v1/instances/${body.id}/status`)).body).toEqual(body.status)
  })
})

describe('DELETE /v1/instances/{instance_id}', () => {
  it('answers 204, unlinks the device on the phone and deletes everything that belongs to it', async () => {
    const id = await connectedInstance(acme, 'doomed')
    await acme.post(`/v1/instances/${id}/messages`, { chat_id: '5511900000001', type: 'text', content: { text: 'x' } })
    expect(await acme.delete(`/v1/instances/${id}`)).toMatchObject({ status: 204, body: undefined })
    expect((await acme.get(`/v1/instances/${id}`)).status).toBe(404)
    for (const table of ['message', 'event', 'credential', 'signal_key', 'inbox']) {
      const rows = await wataki.app.db.sql.query(`select 1 as one from ${table} where instance_id = $1`, [id])
      expect(rows, table).toEqual([])
    }
  })
})

describe('a start', () => {
  it('connects what was connected again with no scan, and leaves what was disconnected alone', async () => {
    const on = await connectedInstance(acme, 'stays on')
    const off = await connectedInstance(acme, 'stays off')
    const manual = await connectedInstance(acme, 'no auto reconnect')
    await acme.post(`/v1/instances/${off}/disconnect`)
    await acme.patch(`/v1/instances/${manual}`, { config: { auto_reconnect: false } })
    await wataki.restart()
    const state = async (id: string) => (await acme.get(`/v1/instances/${id}/status`)).body.state
    await until(
      () => state(on),
      value => value === 'connected',
    )
    expect(await state(off)).toBe('disconnected')
    expect(await state(manual)).toBe('disconnected')
  })
})

describe('a foreign instance', () => {
  it('is the same 404 as a missing one, on every route', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'mine' })
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['PATCH', '', { name: 'stolen' }],
      ['DELETE', ''],
      ['POST', '/connect'],
      ['POST', '/disconnect'],
      ['GET', '/status'],
      ['GET', '/messages?chat_id=5511999999999'],
      ['POST', '/messages', { chat_id: '5511999999999', type: 'text', content: { text: 'x' } }],
      ['GET', '/messages/msg_01m84k41q5bzehev0j4g4kfb1t'],
      ['POST', '/sandbox/scan'],
      ['POST', '/sandbox/messages', { from: '5511999999999', type: 'text', content: { text: 'x' } }],
      ['GET', '/sandbox/messages?contact=5511999999999'],
    ]
    for (const [method, path, input] of routes) {
      const options = input === undefined ? {} : { body: JSON.stringify(input) }
      const foreign = await other.request(method, `/v1/instances/${body.id}${path}`, options)
      const missing = await other.request(method, `/v1/instances/inst_01m84k41q5bzehev0j4g4kfb1t${path}`, options)
      expect(foreign.status, `${method} ${path}`).toBe(404)
      expect(foreign.body).toEqual(missing.body)
    }
    expect((await acme.get(`/v1/instances/${body.id}`)).body.name).toBe('mine')
  })
})
