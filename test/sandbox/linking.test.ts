import { Curve } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Client, cloneAuth, memoryAuth, until } from './client.ts'
import { type Harness, openHarness } from './harness.ts'

let h: Harness
beforeAll(async () => {
  h = await openHarness()
})
afterAll(() => h.close())

const fresh = (config = {}) => new Client(h.sandbox.network, { config }).connect()

describe('linking', () => {
  test('a client that trusts another root refuses the server', async () => {
    const stranger = new Client({ ...h.sandbox.network, rootKey: Buffer.alloc(32, 9).toString('base64') }).connect()
    const message = await stranger.wait(
      'connection.update',
      u => u.connection === 'close' && u.lastDisconnect?.error?.message,
    )
    expect(message).toMatch(/intermediate certificate signature invalid/)
  })

  test('a scan links the device, restarts it with 515 and names phone, lid and push name', async () => {
    const { client, phone, companion } = await h.link('linking')
    expect(client.codes).toEqual([515])
    expect(client.sock.user?.id).toBe(companion().jid)
    expect(client.sock.user?.lid).toBe(companion().lid)
    expect(client.auth.creds.me?.name).toBe(phone.name)
    expect(companion().preKeyCount).toBeGreaterThan(800)
  })

  test('each account has a number of its own, outside the magic range, and keeps it', async () => {
    const one = await h.link('numbers-1')
    const two = await h.link('numbers-2')
    expect(one.phone.pn).toMatch(/^55119000[1-9]\d{4}$/)
    expect(two.phone.pn).not.toBe(one.phone.pn)
    const again = await h.link('numbers-1')
    expect(again.phone.pn).toBe(one.phone.pn)
    expect(again.phone.companions.size).toBe(2)
  })

  test('a code that no client shows, or shows no more, is no_qr', async () => {
    const { control } = h.sandbox
    await expect(control.scan('nobody', { qr: 'https://wa.me/x#a,b,c,d' })).rejects.toMatchObject({ code: 'no_qr' })
    const client = fresh()
    const qr = await client.qr()
    client.reconnect = () => false
    await client.close()
    await until(() => !h.sandbox.simulator.pairing.byRef(qr.split('#')[1]!.split(',')[0]!))
    await expect(control.scan('nobody', { qr })).rejects.toMatchObject({ code: 'no_qr' })
  })

  test('a QR with the keys of another client is refused', async () => {
    const client = fresh()
    const [ref, , ...rest] = (await client.qr()).split(',')
    const forged = [ref, Buffer.alloc(32, 1).toString('base64'), ...rest].join(',')
    await expect(h.sandbox.control.scan('forger', { qr: forged })).rejects.toMatchObject({ code: 'no_qr' })
    await client.close()
  })

  test('an 8-character code links the phone whose number was named', async () => {
    const client = fresh()
    await client.qr()
    const code = await client.sock.requestPairingCode('5511977776666')
    const linked = await h.sandbox.control.enterCode('coded', { code, phoneNumber: '5511977776666' })
    expect(linked.phoneNumber).toBe('5511977776666')
    await client.open()
    expect(client.sock.user?.id).toBe('5511977776666:1@s.whatsapp.net')
    await client.sock.logout()
    await until(() => h.sandbox.simulator.person('5511977776666').companions.size === 0)
    await client.close()
  })

  test('a wrong code does not link', async () => {
    const client = fresh()
    client.reconnect = () => false
    await client.qr()
    const code = await client.sock.requestPairingCode('5511977775555')
    const wrong = code.startsWith('A') ? `B${code.slice(1)}` : `A${code.slice(1)}`
    const entered = h.sandbox.control.enterCode('wrong-code', { code: wrong, phoneNumber: '5511977775555' })
    await expect(entered).rejects.toMatchObject({ code: 'no_qr' })
    await client.close()
  })

  test('a device removed on the phone gets 401 now and at each login, and the same phone links again', async () => {
    const { client, phone } = await h.link('removed')
    await h.sandbox.control.fault('removed', { kind: 'logout' })
    await until(() => client.codes.includes(401))
    const before = client.events.length
    client.connect()
    await client.closed(before)
    expect(client.codes.at(-1)).toBe(401)
    const again = await h.link('removed')
    expect(again.phone.pn).toBe(phone.pn)
  })

  test('a forgotten account has no phone, and its device is logged out', async () => {
    const { client, phone } = await h.link('forgotten')
    await h.sandbox.control.forget('forgotten')
    await until(() => client.codes.includes(401))
    expect(await h.sandbox.control.messages('forgotten', { contact: '5511900000001' })).toEqual([])
    const again = await h.link('forgotten')
    expect(again.phone.pn).not.toBe(phone.pn)
  })

  test('a device that logs in twice loses the first connection with 440', async () => {
    const { client } = await h.link('twice')
    const second = new Client(h.sandbox.network, { auth: client.auth }).connect()
    await second.open()
    await until(() => client.codes.includes(440))
    await second.close()
  })

  test('the keys of another device do not log in: 401', async () => {
    const { client } = await h.link('impostor')
    client.reconnect = () => false
    await client.close()
    const auth = cloneAuth(client.auth)
    Object.assign(auth.creds, { noiseKey: Curve.generateKeyPair() })
    const impostor = new Client(h.sandbox.network, { auth }).connect()
    await impostor.closed()
    expect(impostor.codes).toEqual([401])
  })

  test('a client whose prekey is not signed by its identity is turned away', async () => {
    const auth = memoryAuth()
    auth.creds.signedPreKey.signature[5]! ^= 1
    const forger = new Client(h.sandbox.network, { auth }).connect()
    forger.reconnect = () => false
    await forger.closed()
    expect(forger.events.some(e => e.name === 'connection.update' && (e.data as { qr?: string }).qr)).toBe(false)
  })

  test('a prekey that the linked identity did not sign is not taken', async () => {
    const { client, companion } = await h.link('rotator')
    const before = companion().takeBundle().signedPreKey
    client.auth.creds.signedPreKey.signature[5]! ^= 1
    await expect(client.sock.uploadPreKeys(5)).rejects.toThrow()
    expect(companion().takeBundle().signedPreKey).toEqual(before)
  })

  test('a client that signs its device with another key is not linked', async () => {
    const auth = memoryAuth()
    const client = new Client(h.sandbox.network, { auth }).connect()
    client.reconnect = () => false
    const qr = await client.qr()
    auth.creds.signedIdentityKey.private = Curve.generateKeyPair().private
    await expect(h.sandbox.control.scan('device-forger', { qr })).rejects.toMatchObject({ code: 'invalid' })
    await expect(h.sandbox.control.fault('device-forger', { kind: 'drop' })).rejects.toMatchObject({
      code: 'not_linked',
    })
  })

  test('no stanza was left without a handler, and nothing failed inside', () => {
    expect(h.unhandled).toEqual([])
    expect(h.errors).toEqual([])
  })
})
