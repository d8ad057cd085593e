import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { SandboxControl, SandboxNetwork } from '../../src/sandbox/sandbox.ts'
import { freePort } from '../support/free-port.ts'
import { Client, Inbox, memoryAuth, until } from './client.ts'

const MAIN = resolve('src/sandbox/main.ts')
const BOB = '5511955550002'
const bobJid = `${BOB}@s.whatsapp.net`

interface Running {
  process: ChildProcess
  lines: string[]
  control: SandboxControl
  network: SandboxNetwork
}

let dataDir: string
let port: number
let running: Running
let me: Client
const auth = memoryAuth()
const inbox = new Inbox(auth)

async function start(): Promise<Running> {
  const env = { ...process.env, DATA_DIR: dataDir, SANDBOX_PORT: String(port) }
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'inherit'], cwd: dataDir })
  const lines: string[] = []
  createInterface({ input: child.stdout! }).on('line', line => lines.push(line))
  await until(() => lines.length >= 4)
  const values = Object.fromEntries(lines.map(line => line.split(/=(.*)/s).slice(0, 2) as [string, string]))
  const network = {
    webSocketUrl: values.WHATSAPP_WS_URL!,
    mediaUrl: values.WHATSAPP_MEDIA_URL!,
    rootKey: values.WHATSAPP_ROOT_KEY!,
  }
  return { process: child, lines, control: controlClient(values.SANDBOX_URL!), network }
}

async function kill(): Promise<void> {
  running.process.kill('SIGKILL')
  await once(running.process, 'exit')
}

/** Kills the sandbox with no warning, and starts it again on what it had written. */
async function crash(): Promise<void> {
  await kill()
  running = await start()
}

const send = async (text: string) => (await me.sock.sendMessage(bobJid, { text }))!.key.id!
const say = (text: string) => running.control.sendMessage('a', { from: BOB, content: { type: 'text', text } })
const shown = async () => {
  const all = await running.control.messages('a', { contact: BOB })
  return all.map(m => `${m.fromMe ? 'bob' : 'me'}: ${m.content.type === 'text' ? m.content.text : m.content.type}`)
}
async function reconnect(): Promise<void> {
  const before = me.events.length
  me.connect()
  await me.open(before)
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sandbox-kill-'))
  port = await freePort()
  running = await start()
  const { makeSignalRepository } = inbox
  me = new Client(running.network, { auth, config: { makeSignalRepository } }).connect()
  await running.control.scan('a', { qr: await me.qr() })
  await me.open()
  await me.wait('messaging-history.set', h => h.syncType === 3)
  me.reconnect = () => false
})

afterAll(async () => {
  await me.close()
  await kill()
  await rm(dataDir, { recursive: true, force: true })
})

// neither side may ever have met a message that it could not read
afterEach(() => expect(inbox.failures).toEqual([]))

describe('after kill -9 and a restart', () => {
  test('the addresses, the token and the root key are the same', async () => {
    const { lines } = running
    const before = me.events.length
    await crash()
    expect(running.lines).toEqual(lines)
    await me.closed(before)
    await reconnect()
  })

  test('the client logs in with no new scan, and its chats go on where they were', async () => {
    await me.status(await send('before'), 4)
    await say('answer')
    await me.text('answer')
    const before = me.events.length
    await crash()
    await me.closed(before)
    await reconnect()
    expect(await shown()).toEqual(['me: before', 'bob: answer'])
    await me.status(await send('after'), 4)
    await say('answer after')
    await me.text('answer after')
    expect(await shown()).toEqual(['me: before', 'bob: answer', 'me: after', 'bob: answer after'])
  })

  test('what waited for the client arrives, once and in order', async () => {
    const before = me.events.length
    await me.close()
    for (const n of [1, 2, 3]) await say(`waiting ${n}`)
    await crash()
    await reconnect()
    await me.text('waiting 3', before)
    expect(inbox.texts.filter(t => t.startsWith('waiting'))).toEqual(['waiting 1', 'waiting 2', 'waiting 3'])
  })

  test('a message whose ack was lost is shown once when it is sent again', async () => {
    await running.control.fault('a', { kind: 'hold_acks' })
    const id = await send('once only')
    await until(async () => (await shown()).includes('me: once only'))
    const before = me.events.length
    await crash()
    await me.closed(before)
    await reconnect()
    await me.sock.relayMessage(bobJid, { conversation: 'once only' }, { messageId: id })
    await me.status(id, 4)
    expect((await shown()).filter(line => line === 'me: once only')).toHaveLength(1)
  })

  test('groups, reactions, edits, and what expired on the media host are as they were', async () => {
    const { control } = running
    const bytes = Buffer.from('the picture').toString('base64')
    const group = await control.group('a', { subject: 'Kept', participants: [BOB] })
    const content = { type: 'image', bytes, mimeType: 'image/png' } as const
    const image = await control.sendMessage('a', { from: BOB, content, chatId: group.id })
    const said = await say('frist')
    await control.editMessage('a', { contact: BOB, whatsappId: said.whatsappId, text: 'first' })
    await control.reaction('a', { contact: BOB, whatsappId: image.whatsappId, emoji: '👍' })
    const m = await me.message(x => x.key.id === image.whatsappId)
    await control.fault('a', { kind: 'expire_media' })
    const before = await control.messages('a', { contact: BOB })
    const events = me.events.length
    await crash()
    await me.closed(events)
    await reconnect()
    expect(await running.control.messages('a', { contact: BOB })).toEqual(before)
    expect(before.slice(-2)).toMatchObject([{ reactions: [{ emoji: '👍' }] }, { edited: true }])
    expect((await me.sock.groupMetadata(group.id)).subject).toBe('Kept')
    expect((await fetch(m.message!.imageMessage!.url!)).status).toBe(410)
    const { directPath } = (await me.sock.updateMediaMessage(m)).message!.imageMessage!
    expect((await fetch(`${running.network.mediaUrl}${directPath}`)).status).toBe(200)
  })

  test('receipts that were due are told', async () => {
    let acked = false
    me.sock.ws.on('CB:ack,class:message', () => (acked = true))
    const before = me.events.length
    const id = await send('receipts to come')
    await until(() => acked)
    await crash()
    await me.closed(before)
    await reconnect()
    await me.status(id, 4)
  })

  test('twelve crashes amid traffic: what was acked is shown, what was promised arrives', async () => {
    const acked = new Set<string>()
    const sent = new Map<string, string>()
    const promised: string[] = []
    for (let round = 0; round < 12; round++) {
      const onAck = (node: { attrs: { id: string; error?: string } }) => node.attrs.error ?? acked.add(node.attrs.id)
      me.sock.ws.on('CB:ack,class:message', onAck)
      const before = me.events.length
      const traffic = Promise.allSettled(
        Array.from({ length: 15 }, async (_, i) => {
          const text = `r${round} m${i}`
          await new Promise(done => setTimeout(done, i * 4))
          const saying = say(`bob ${text}`).then(() => promised.push(`bob ${text}`))
          const sending = send(text).then(id => sent.set(id, text))
          await Promise.allSettled([saying, sending])
        }),
      )
      const [acks, promises] = [acked.size, promised.length]
      await new Promise(done => setTimeout(done, 15 + round * 5))
      // on a busy machine nothing may have happened yet
      await until(() => acked.size > acks && promised.length > promises)
      await crash()
      await me.closed(before)
      await traffic
      await reconnect()
    }
    await until(() => promised.every(text => inbox.texts.includes(text)))
    const lines = await shown()
    for (const id of acked) expect(lines).toContain(`me: ${sent.get(id)}`)
    expect(acked.size).toBeGreaterThan(10)
    expect(promised.length).toBeGreaterThan(10)
    expect(new Set(lines).size).toBe(lines.length)
    for (const text of promised) expect(inbox.texts.filter(t => t === text)).toHaveLength(1)
  }, 120_000)

  test('SIGTERM ends it cleanly', async () => {
    running.process.kill('SIGTERM')
    const [code] = await once(running.process, 'exit')
    expect(code).toBe(0)
    running = await start()
  })
})
