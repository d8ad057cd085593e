import { AsyncLocalStorage } from 'node:async_hooks'
import { Agent } from 'node:https'
import { connect } from 'node:net'
import { Curve, WA_CERT_DETAILS } from '@whiskeysockets/baileys'
import { verifySignature } from '../../src/sandbox/curve.ts'

/** Baileys with real checks of signatures, and a root key per socket: what a gateway does in its own room. */
const roots = new AsyncLocalStorage<Buffer>()
const original = WA_CERT_DETAILS.PUBLIC_KEY
Object.defineProperty(WA_CERT_DETAILS, 'PUBLIC_KEY', { get: () => roots.getStore() ?? original, configurable: true })
Curve.verify = (key, message, signature) => verifySignature(key, message, signature)

// libsignal prints sessions, private keys included
console.info = () => {}
console.warn = () => {}
console.error = () => {}

export const trusting = <T>(rootKey: string, work: () => T): T => roots.run(Buffer.from(rootKey, 'base64'), work)

/** Uploads always go to `https://`: this agent dials the sandbox's plain port instead. */
export class PlainAgent extends Agent {
  readonly #port: number

  constructor(mediaUrl: string) {
    super()
    this.#port = Number(new URL(mediaUrl).port)
  }

  override createConnection() {
    return connect(this.#port, '127.0.0.1')
  }
}

/** Of a path without a host Baileys makes one at WhatsApp's own media host: it is looked for on the sandbox instead. */
export function reachDirectPaths(mediaUrl: string): () => void {
  const { fetch } = globalThis
  globalThis.fetch = (input, init) => fetch(String(input).replace('https://mmg.whatsapp.net', mediaUrl), init)
  return () => {
    globalThis.fetch = fetch
  }
}
