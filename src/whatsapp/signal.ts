import { createHash } from 'node:crypto'
import { DEFAULT_CONNECTION_CONFIG, type SocketConfig } from '@whiskeysockets/baileys'
import { messageReceived } from '../telemetry/spans.ts'
import { activeTrace } from '../telemetry/trace.ts'
import { plainJid } from './jid.ts'
import type { KeyStore, Step } from './key-store.ts'
import { oneSessionAtATime } from './one-session.ts'
import { storable } from './text.ts'

type MakeRepository = SocketConfig['makeSignalRepository']

/** The attributes of the stanza that carried a ciphertext, by the very bytes object Baileys hands on. */
export type StanzaOf = (ciphertext: Uint8Array) => Record<string, string> | undefined

/**
 * Baileys' own Signal repository, made more than once. The inner ones change ratchets, inside a step of the key store,
 * and never ask the server for anything while they hold the lock. The outer one only looks things up, and may.
 * With Baileys' own wiring its surrounding transaction would commit after the wire and overwrite what a
 * message in the other direction had just written.
 */
export function signalRepository(options: {
  instanceId: string
  keys: KeyStore
  stanzaOf: StanzaOf
  /** Baileys lets go of the repository as the first thing when a socket ends. */
  onClose: () => void
}): MakeRepository {
  const { instanceId, keys, stanzaOf, onClose } = options
  const make = DEFAULT_CONNECTION_CONFIG.makeSignalRepository
  return (auth, logger, askServerForLids) => {
    const inner = make({ creds: auth.creds, keys: keys.stepKeys }, logger)
    const single = oneSessionAtATime(keys.stepKeys)
    const innermost = make({ creds: auth.creds, keys: single.keys }, logger)
    const decryptMessage = (request: Parameters<typeof inner.decryptMessage>[0], step: Step) =>
      request.type === 'msg'
        ? single.decrypt(request.ciphertext, () => innermost.decryptMessage(request), step.discard)
        : inner.decryptMessage(request)
    const outerKeys: KeyStore['socketKeys'] = {
      ...keys.socketKeys,
      set: async data => {
        await keys.socketKeys.set(data)
        // Empties their caches, which would hide the change.
        if (data['lid-mapping']) for (const repository of [inner, innermost]) repository.lidMapping.close()
      },
    }
    const outer = make({ creds: auth.creds, keys: outerKeys }, logger, askServerForLids)
    const inStep =
      <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
      (...args: A): Promise<R> =>
        keys.step(() => work(...args))
    return {
      ...outer,
      lidMapping: outer.lidMapping,
      encryptMessage: inStep(inner.encryptMessage.bind(inner)),
      encryptGroupMessage: inStep(inner.encryptGroupMessage.bind(inner)),
      processSenderKeyDistributionMessage: async request => {
        if (isGroupId(request.item.groupId)) await keys.step(() => inner.processSenderKeyDistributionMessage(request))
      },
      getSenderKeyDistributionMessage: inStep(inner.getSenderKeyDistributionMessage.bind(inner)),
      injectE2ESession: inStep(inner.injectE2ESession.bind(inner)),
      deleteSession: inStep(inner.deleteSession.bind(inner)),
      migrateSession: inStep(inner.migrateSession.bind(inner)),
      decryptMessage: request => decryptOnce(request.ciphertext, step => decryptMessage(request, step)),
      decryptGroupMessage: request => decryptOnce(request.msg, () => inner.decryptGroupMessage(request)),
      close: () => {
        inner.close?.()
        innermost.close?.()
        outer.close?.()
        onClose()
      },
    }
  }

  /**
   * The ratchet and the plaintext become durable together, before Baileys sends the receipt. A ciphertext that
   * comes again cannot be decrypted a second time: its plaintext is then taken from the row.
   */
  function decryptOnce(ciphertext: Uint8Array, decrypt: (step: Step) => Promise<Uint8Array>): Promise<Buffer> {
    const hash = createHash('sha256').update(ciphertext).digest()
    const stanza = stanzaOf(ciphertext)
    const decryptIn = async (step: Step): Promise<Buffer> => {
      // Only what the server kept for us is likely to be a repeat; for the rest the row is looked up on failure.
      const kept = stanza?.offline === undefined ? null : await keys.plainOf(hash)
      if (kept) return kept
      try {
        const plain = Buffer.from(await decrypt(step))
        step.remember({ hash, stanza: storableStanza(stanza), plain, trace: activeTrace() })
        return plain
      } catch (error) {
        step.discard()
        const plain = await keys.plainOf(hash)
        if (plain) return plain
        throw error
      }
    }
    return messageReceived({ instanceId }, () => keys.step(decryptIn))
  }
}

/** The sender's own word, and part of the key under which the vault keeps it: what the vault refuses ends the socket. */
const isGroupId = (id: unknown): boolean => typeof id === 'string' && plainJid(id) === id

const MAX_ATTRIBUTE = 1024

/** A push name stands in it as its owner wrote it. */
const storableStanza = (stanza: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(stanza).map(([name, value]) => [name, storable(value.slice(0, MAX_ATTRIBUTE))]))
