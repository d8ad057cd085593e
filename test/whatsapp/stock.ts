import makeWASocket, {
  type AuthenticationCreds,
  initAuthCreds,
  type SignalDataSet,
  type SignalKeyStore,
  type WASocket,
} from '@whiskeysockets/baileys'
import { baileysLogger } from '../../src/whatsapp/log.ts'
import { decodeRow, encodeCredentials, encodeRow, type RowType } from '../../src/whatsapp/row-codec.ts'
import { SocketTimers } from '../../src/whatsapp/timers.ts'
import { runInScope } from '../../src/whatsapp/trust.ts'
import type { Vault } from '../../src/whatsapp/whatsapp.ts'
import type { DuplexClient } from './duplex.ts'
import { type Rig, until } from './rig.ts'

const quiet = baileysLogger({ debug() {}, info() {}, warn() {}, error() {} }, 'stock')

/** Baileys as it comes, with its own wiring of transactions over the vault: the baseline that must fail. */
export async function stockClient(rig: Rig, instanceId: string): Promise<DuplexClient> {
  const creds = initAuthCreds()
  const keys = keysOf(rig.vault, instanceId)
  const received: string[] = []
  let socket: WASocket | null = null
  let open = false
  const dial = () => {
    const scope = { rootKey: rig.network.rootKey, crashed: () => {}, timers: new SocketTimers() }
    const next = runInScope(scope, () =>
      makeWASocket({
        waWebSocketUrl: rig.network.webSocketUrl!,
        auth: { creds, keys },
        logger: quiet,
        shouldSyncHistoryMessage: () => false,
      }),
    )
    socket = next
    next.ev.on('creds.update', () => void save(rig.vault, instanceId, creds))
    next.ev.on('messages.upsert', ({ messages }) => {
      for (const { key, message } of messages)
        if (!key.fromMe && message?.conversation) received.push(message.conversation)
    })
    next.ev.on('connection.update', ({ qr, connection }) => {
      if (qr) void rig.sandbox.control.scan(instanceId, { qr })
      if (connection === 'open') open = true
      if (connection === 'close' && !open) dial()
    })
  }
  dial()
  await until(() => open, 'the stock client')
  return {
    async send(contact, text) {
      await socket!.sendMessage(`${contact}@s.whatsapp.net`, { text })
    },
    received: () => received,
  }
}

const save = (vault: Vault, instanceId: string, creds: AuthenticationCreds) =>
  vault.commit(instanceId, { credentials: encodeCredentials(creds), keys: [], inbox: [] }, 1)

function keysOf(vault: Vault, instanceId: string): SignalKeyStore {
  return {
    async get(type, ids) {
      const rows = await vault.read(instanceId, type, ids)
      return Object.fromEntries([...rows].map(([id, row]) => [id, decodeRow(type, row)])) as never
    },
    async set(data: SignalDataSet) {
      const keys = Object.entries(data).flatMap(([type, rows]) =>
        Object.entries(rows ?? {}).map(([id, value]) => ({
          type,
          id,
          value: value == null ? null : encodeRow(type as RowType, value),
        })),
      )
      await vault.commit(instanceId, { keys, inbox: [] }, 1)
    },
  }
}
