import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openSandbox, type Sandbox } from '../../src/sandbox/server.ts'
import type { SimulatorOptions } from '../../src/sandbox/simulator.ts'
import type { Log } from '../../src/whatsapp/log.ts'
import { createWhatsApp, type WhatsAppOptions } from '../../src/whatsapp/manager.ts'
import type {
  AckNews,
  ConnectionNews,
  Inbound,
  InboundDelete,
  InboundEdit,
  InboundMessage,
  InboundReaction,
  Network,
  OutboundContent,
  QrNews,
  ReceiptNews,
  SeenNews,
  SendOutcome,
  SyncNews,
  Vault,
  WhatsApp,
} from '../../src/whatsapp/whatsapp.ts'
import { type Cable, openCable } from './cable.ts'
import { memoryVault } from './memory-vault.ts'

/** Everything one instance was told. */
export interface Heard {
  states: ConnectionNews[]
  qrs: QrNews[]
  messages: InboundMessage[]
  reactions: InboundReaction[]
  edits: InboundEdit[]
  deletes: InboundDelete[]
  syncs: SyncNews[]
  seen: SeenNews[]
  acks: AckNews[]
  receipts: ReceiptNews[]
}

export type Sent = SendOutcome & { whatsappId: string }

export interface Rig<V extends Vault = Vault> {
  sandbox: Sandbox
  cable: Cable
  vault: V
  whatsapp: WhatsApp
  network: Network
  /** Messages that some phone could not read, and retry receipts that clients sent. */
  undecryptable: number
  retries: number
  /** Sentences of the log at `error`. */
  errors: string[]
  /** The lease under which `start` starts. */
  epoch: number
  /** Whether the process may still write to sockets. */
  mayWrite: boolean
  /** Runs before what came from the inbox is settled; a throw refuses it. */
  onMessage: ((message: Inbound) => void | Promise<void>) | null
  /** Runs before a piece of chats and names is noted; a throw refuses it. */
  onSync: ((news: SyncNews) => void | Promise<void>) | null
  /** Runs before a state is noted; a throw refuses it. */
  onConnection: ((news: ConnectionNews) => void) | null
  heard(instanceId: string): Heard
  state(instanceId: string): string | undefined
  /** A new gateway process on the same vault and sandbox, which has told no state yet; the old one is left as it is. */
  restart(): WhatsApp
  start(instanceId: string, options?: { autoReconnect: boolean }): void
  /** Starts, scans the first code, and waits for the connection. */
  link(instanceId: string): Promise<void>
  send(instanceId: string, to: string, content: string | OutboundContent | Uint8Array): Promise<Sent>
  /** A contact writes to the instance's phone. */
  say(instanceId: string, from: string, text: string): Promise<string>
  /** What a contact's phone shows of what the instance sent. */
  shown(instanceId: string, contact: string): Promise<string[]>
  close(): Promise<void>
}

export async function openRig<V extends Vault = ReturnType<typeof memoryVault>>(
  setup: { vault?: V; sandbox?: Partial<SimulatorOptions>; options?: WhatsAppOptions['options'] } = {},
): Promise<Rig<V>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-wa-'))
  const sandbox = await openSandbox({ dataDir, ...setup.sandbox })
  const cable = await openCable(sandbox.network.webSocketUrl)
  const vault = (setup.vault ?? memoryVault()) as V
  const all = new Map<string, Heard>()
  const gateways: WhatsApp[] = []
  const rig: Rig<V> = {
    sandbox,
    cable,
    vault,
    whatsapp: undefined as never,
    network: {
      webSocketUrl: cable.url,
      mediaUrl: sandbox.network.mediaUrl,
      rootKey: Buffer.from(sandbox.network.rootKey, 'base64'),
    },
    undecryptable: 0,
    retries: 0,
    errors: [],
    epoch: 1,
    mayWrite: true,
    onMessage: null,
    onSync: null,
    onConnection: null,
    heard(instanceId) {
      const known = all.get(instanceId)
      if (known) return known
      const inbound = { messages: [], reactions: [], edits: [], deletes: [] }
      const fresh: Heard = { states: [], qrs: [], ...inbound, syncs: [], seen: [], acks: [], receipts: [] }
      all.set(instanceId, fresh)
      return fresh
    },
    state: instanceId => rig.heard(instanceId).states.at(-1)?.state,
    restart() {
      for (const heard of all.values()) heard.states.length = 0
      const parts = { vault, news: newsOf(rig), log: logOf(rig), options: setup.options }
      rig.whatsapp = createWhatsApp({ ...parts, mayWrite: () => rig.mayWrite })
      gateways.push(rig.whatsapp)
      return rig.whatsapp
    },
    start: (instanceId, options = { autoReconnect: true }) =>
      rig.whatsapp.start(instanceId, { network: rig.network, epoch: rig.epoch, ...options }),
    async link(instanceId) {
      const { length } = rig.heard(instanceId).qrs
      rig.start(instanceId)
      await until(() => rig.heard(instanceId).qrs.length > length, 'a QR code')
      await sandbox.control.scan(instanceId, { qr: rig.heard(instanceId).qrs.at(-1)!.qr })
      await until(() => rig.state(instanceId) === 'connected', 'the connection')
    },
    async send(instanceId, to, content) {
      const whatsappId = rig.whatsapp.newMessageId(instanceId)
      const composed = typeof content === 'string' ? { type: 'text' as const, text: content } : content
      const payload = composed instanceof Uint8Array ? composed : rig.whatsapp.compose(composed)
      const kept = (vault as { sent?: Map<string, Uint8Array> }).sent
      kept?.set(whatsappId, payload)
      const chat = to.includes('@') ? to : `${to}@s.whatsapp.net`
      return { whatsappId, ...(await rig.whatsapp.send(instanceId, { whatsappId, chat, payload })) }
    },
    say: async (instanceId, from, text) =>
      (await sandbox.control.sendMessage(instanceId, { from, content: { type: 'text', text } })).whatsappId,
    async shown(instanceId, contact) {
      const messages = await sandbox.control.messages(instanceId, { contact })
      return messages.filter(m => !m.fromMe).flatMap(m => (m.content.type === 'text' ? [m.content.text] : []))
    },
    async close() {
      await Promise.all(gateways.map(gateway => gateway.close()))
      await cable.close()
      await sandbox.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
  sandbox.simulator.events.on('undecryptable', () => rig.undecryptable++)
  sandbox.simulator.events.on('receipt', ({ type }) => {
    if (type === 'retry') rig.retries++
  })
  rig.restart()
  return rig
}

function newsOf(rig: Rig): WhatsAppOptions['news'] {
  const fold = async <T extends Inbound>(id: string, news: T, heard: T[]) => {
    await rig.onMessage?.(news)
    heard.push(news)
    await rig.vault.settle(id, [news.inboxKey])
  }
  return {
    onConnection: async (id, news) => {
      rig.onConnection?.(news)
      rig.heard(id).states.push(news)
    },
    onQr: async (id, news) => void rig.heard(id).qrs.push(news),
    onAnswers: async (id, answers) => {
      for (const { kind, ...news } of answers) {
        if (kind === 'ack') rig.heard(id).acks.push(news as AckNews)
        else rig.heard(id).receipts.push(news as ReceiptNews)
      }
    },
    onSeen: async (id, news) => void rig.heard(id).seen.push(news),
    onMessage: (id, news) => fold(id, news, rig.heard(id).messages),
    onReaction: (id, news) => fold(id, news, rig.heard(id).reactions),
    onEdit: (id, news) => fold(id, news, rig.heard(id).edits),
    onDelete: (id, news) => fold(id, news, rig.heard(id).deletes),
    onSync: async (id, news) => {
      await rig.onSync?.(news)
      rig.heard(id).syncs.push(news)
      if (news.inboxKey) await rig.vault.settle(id, [news.inboxKey])
    },
  }
}

function logOf(rig: Rig): Log {
  const nothing = () => {}
  return { debug: nothing, info: nothing, warn: nothing, error: (_, sentence) => rig.errors.push(sentence) }
}

/** Waits for a condition, not for a time. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 10_000,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await sleep(5)
  }
}

export const texts = (heard: Heard): string[] =>
  heard.messages.flatMap(m => (m.content.type === 'text' ? [m.content.text] : []))
