import { randomBytes } from 'node:crypto'
import { decryptMediaRetryData, downloadMediaMessage, proto, type WAMessage } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { Person } from '../../src/sandbox/person.ts'
import type { SandboxControl } from '../../src/sandbox/sandbox.ts'
import type { Client } from './client.ts'
import { type Harness, next, openHarness } from './harness.ts'
import { reachDirectPaths } from './strict.ts'

const ACCOUNT = 'media'
const BOB = '5511955550021'
let h: Harness
let me: Client
let phone: Person
let control: SandboxControl
let restore: () => void

beforeAll(async () => {
  h = await openHarness()
  ;({ client: me, phone } = await h.link(ACCOUNT))
  control = controlClient(h.sandbox.controlUrl)
  restore = reachDirectPaths(h.sandbox.network.mediaUrl)
})
afterAll(async () => {
  restore()
  await h.close()
})

const image = (bytes: Buffer) => ({ type: 'image', bytes: bytes.toString('base64'), mimeType: 'image/jpeg' }) as const
const fetchStatus = async (m: WAMessage) => (await fetch(m.message!.imageMessage!.url!)).status

describe('media that the host has no more', () => {
  test('is uploaded again by the phone when a device asks', async () => {
    const bytes = randomBytes(30_000)
    const { whatsappId } = await control.sendMessage(ACCOUNT, { from: BOB, content: image(bytes) })
    const m = await me.message(x => x.key.id === whatsappId)
    expect(await fetchStatus(m)).toBe(200)
    await control.fault(ACCOUNT, { kind: 'expire_media' })
    expect(await fetchStatus(m)).toBe(410)
    const before = m.message!.imageMessage!.url
    const updated = await me.sock.updateMediaMessage(m)
    expect(updated.message!.imageMessage!.url).not.toBe(before)
    expect(await downloadMediaMessage(updated, 'buffer', {})).toEqual(bytes)
  })

  test('of a group, and of what the phone itself sent, too', async () => {
    const bytes = randomBytes(3_000)
    const group = await control.group(ACCOUNT, { subject: 'Pictures', participants: [BOB] })
    const inGroup = await control.sendMessage(ACCOUNT, { from: BOB, content: image(bytes), chatId: group.id })
    const toGroup = await control.sendFromPhone(ACCOUNT, { to: group.id, content: image(bytes) })
    const toBob = await control.sendFromPhone(ACCOUNT, { to: BOB, content: image(bytes) })
    await control.fault(ACCOUNT, { kind: 'expire_media' })
    for (const { whatsappId } of [inGroup, toGroup]) {
      const m = await me.message(x => x.key.id === whatsappId)
      expect(await fetchStatus(m)).toBe(410)
      expect(await downloadMediaMessage(await me.sock.updateMediaMessage(m), 'buffer', {})).toEqual(bytes)
    }
    const sent = await me.message(x => x.key.id === toBob.whatsappId)
    expect(await downloadMediaMessage(await me.sock.updateMediaMessage(sent), 'buffer', {})).toEqual(bytes)
  })

  test('that no phone has is answered with an error', async () => {
    const { whatsappId } = await control.sendMessage(ACCOUNT, { from: BOB, content: image(randomBytes(100)) })
    const m = await me.message(x => x.key.id === whatsappId)
    const unknown = { ...m, key: { ...m.key, id: 'NEVERSENT' } }
    await expect(me.sock.updateMediaMessage(unknown)).rejects.toMatchObject({ output: { statusCode: 404 } })
    const other = structuredClone(m)
    other.message!.imageMessage!.mediaKey = randomBytes(32)
    await expect(me.sock.updateMediaMessage(other)).rejects.toThrow()
    const update = await me.wait('messages.media-update', us => us.find(u => u.key.id === whatsappId)?.media)
    const said = decryptMediaRetryData(update, m.message!.imageMessage!.mediaKey!, whatsappId)
    expect(said.result).toBe(proto.MediaRetryNotification.ResultType.DECRYPTION_ERROR)
  })
})

describe('refusals', () => {
  test.each([463, 479])('the next message of the account is refused with %i, and no other', async code => {
    await control.fault(ACCOUNT, { kind: 'refuse_next', code })
    const errors: string[] = []
    me.sock.ws.on('CB:ack,class:message', (node: { attrs: { error?: string; id: string } }) => {
      if (node.attrs.error) errors.push(`${node.attrs.id} ${node.attrs.error}`)
    })
    const refused = (await me.sock.sendMessage(`${BOB}@s.whatsapp.net`, { text: 'refused' }))!.key.id!
    const sent = (await me.sock.sendMessage(`${BOB}@s.whatsapp.net`, { text: `sent ${code}` }))!.key.id!
    await me.status(sent, 4)
    expect(errors).toEqual([`${refused} ${code}`])
    const shown = await control.messages(ACCOUNT, { contact: BOB })
    expect(shown.some(m => m.whatsappId === refused)).toBe(false)
    expect(shown.some(m => m.whatsappId === sent)).toBe(true)
  })

  test('a message that a phone could not read is asked for again, and shown once', async () => {
    await control.fault(ACCOUNT, { kind: 'unreadable_next' })
    const retry = next(h.sandbox, 'undecryptable', u => u.person.pn === BOB)
    const id = (await me.sock.sendMessage(`${BOB}@s.whatsapp.net`, { text: 'again, please' }))!.key.id!
    await retry
    await me.status(id, 4)
    const shown = await control.messages(ACCOUNT, { contact: BOB })
    expect(shown.filter(m => m.whatsappId === id)).toHaveLength(1)
  })

  test('stream_error 401 removes the device on the phone as well', async () => {
    me.reconnect = () => false
    await control.fault(ACCOUNT, { kind: 'stream_error', code: 401 })
    await me.closed()
    expect(me.codes.at(-1)).toBe(401)
    expect(phone.companions.size).toBe(0)
  })
})

test('no stanza was left without a handler, and nothing failed inside', () => {
  expect(h.unhandled).toEqual([])
  expect(h.errors).toEqual([])
})
