import https from 'node:https'
import net from 'node:net'
import makeWASocket, { type GroupMetadata, type SocketConfig, type WASocket } from '@whiskeysockets/baileys'
import type { Caches } from './caches.ts'
import { guardedDispatcher } from './guarded-dispatcher.ts'
import type { KeyStore } from './key-store.ts'
import type { Network } from './whatsapp.ts'

export interface Timings {
  /** TCP, upgrade and handshake, each. */
  connectTimeoutMs: number
  /** Baileys gives a silent server up after this and 5 s more, seen at the next tick of the same interval. */
  keepAliveIntervalMs: number
  queryTimeoutMs: number
  /** From making the socket to a QR code or an open session. */
  loginTimeoutMs: number
  /** A socket that was open for so long was a success: the failure after it counts as the first again. */
  steadyMs: number
}

export const TIMINGS: Timings = {
  connectTimeoutMs: 20_000,
  keepAliveIntervalMs: 20_000,
  queryTimeoutMs: 15_000,
  loginTimeoutMs: 60_000,
  steadyMs: 10_000,
}

const FIRST_QR_MS = 60_000
const NEXT_QR_MS = 20_000

/** WhatsApp lets the first code of a socket live longer than those that follow. */
export const qrLifeMs = (network: Network, isFirst: boolean): number =>
  network.qrLifeMs ?? (isFirst ? FIRST_QR_MS : NEXT_QR_MS)

export interface SocketParts {
  network: Network
  keys: KeyStore
  caches: Caches
  logger: SocketConfig['logger']
  makeSignalRepository: SocketConfig['makeSignalRepository']
  getMessage: SocketConfig['getMessage']
  /** Who is in a group, when that is known for sure. */
  groupOf: (jid: string) => GroupMetadata | undefined
  timings: Timings
}

/**
 * The lean socket: no own events (the ack is the proof), no cache of sent messages (`getMessage` answers also
 * after a restart), no history (the inbox has it), no link previews. It never gets a URL or a path to fetch from, and
 * what it fetches by itself, the settings of chats, comes from WhatsApp's own hosts or not at all.
 */
export function makeSocket(parts: SocketParts): WASocket {
  const { network, keys, caches, timings } = parts
  return makeWASocket({
    ...(network.webSocketUrl ? { waWebSocketUrl: network.webSocketUrl } : {}),
    ...(network.qrLifeMs ? { qrTimeout: network.qrLifeMs } : {}),
    ...(network.mediaUrl ? { fetchAgent: agentTo(network.mediaUrl) } : {}),
    auth: { creds: keys.creds, keys: keys.socketKeys },
    logger: parts.logger,
    makeSignalRepository: parts.makeSignalRepository,
    getMessage: parts.getMessage,
    cachedGroupMetadata: async jid => parts.groupOf(jid),
    options: { dispatcher: guardedDispatcher(network.mediaUrl) } as NonNullable<SocketConfig['options']>,
    userDevicesCache: caches.devices,
    msgRetryCounterCache: caches.retries,
    callOfferCache: caches.calls,
    placeholderResendCache: caches.placeholders,
    connectTimeoutMs: timings.connectTimeoutMs,
    keepAliveIntervalMs: timings.keepAliveIntervalMs,
    defaultQueryTimeoutMs: timings.queryTimeoutMs,
    emitOwnEvents: false,
    enableRecentMessageCache: false,
    markOnlineOnConnect: false, // the phone goes on notifying its owner
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
    generateHighQualityLinkPreview: false,
    // The key store gives up at the first failed write; a second try would write past it.
    transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
  })
}

/** Baileys always uploads to `https://<host>`: this dials the plain port of a media host without TLS instead. */
function agentTo(mediaUrl: string): https.Agent {
  const { hostname, port } = new URL(mediaUrl)
  const agent = new https.Agent({ keepAlive: false })
  agent.createConnection = () => net.connect({ host: hostname, port: Number(port || 80) })
  return agent
}
