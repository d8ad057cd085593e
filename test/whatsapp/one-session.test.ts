import { DEFAULT_CONNECTION_CONFIG, initAuthCreds } from '@whiskeysockets/baileys'
import { beforeAll, expect, test } from 'vitest'
import { KeyStore } from '../../src/whatsapp/key-store.ts'
import { baileysLogger } from '../../src/whatsapp/log.ts'
import { signalRepository } from '../../src/whatsapp/signal.ts'
import { memoryVault } from './memory-vault.ts'

const nothing = () => {}
const logger = baileysLogger({ debug: nothing, info: nothing, warn: nothing, error: nothing }, 'a')
const config = { ...DEFAULT_CONNECTION_CONFIG }

beforeAll(() => {
  // libsignal prints whole sessions
  console.info = console.warn = console.error = nothing
})

/** One device with the house's own repository. */
function device(number: number) {
  const creds = initAuthCreds()
  const keys = new KeyStore({
    instanceId: String(number),
    vault: memoryVault(),
    creds,
    epoch: () => 1,
    lingerMs: 0,
    onFailure: nothing,
    onInbox: nothing,
  })
  const repository = signalRepository({ instanceId: 'inst', keys, stanzaOf: () => undefined, onClose: nothing })(
    { creds, keys: keys.socketKeys },
    logger,
    config.makeSignalRepository as never,
  )
  const jid = `90000000000000${number}@lid`
  return { creds, jid, repository }
}
type Device = ReturnType<typeof device>

const bundleOf = ({ creds }: Device) => ({
  registrationId: creds.registrationId,
  identityKey: typed(creds.signedIdentityKey.public),
  signedPreKey: {
    keyId: creds.signedPreKey.keyId,
    publicKey: typed(creds.signedPreKey.keyPair.public),
    signature: creds.signedPreKey.signature,
  },
})
const typed = (key: Uint8Array) => Buffer.concat([Buffer.from([5]), key])
const begin = (from: Device, to: Device) =>
  from.repository.injectE2ESession({ jid: to.jid, session: bundleOf(to) as never })

async function write(from: Device, to: Device, text: string) {
  const sealed = await from.repository.encryptMessage({ jid: to.jid, data: Buffer.from(text) })
  return async () => Buffer.from(await to.repository.decryptMessage({ jid: from.jid, ...sealed })).toString()
}
const say = async (from: Device, to: Device, text: string) => (await write(from, to, text))()

test('a late message of a replaced session is read, and does not break the session that replaced it', async () => {
  const alice = device(1)
  const bob = device(2)
  await begin(alice, bob)
  expect(await say(alice, bob, 'first')).toBe('first')
  expect(await say(bob, alice, 'answer')).toBe('answer')
  const late = await write(alice, bob, 'late') // a new ratchet key in the old session
  await begin(bob, alice)
  expect(await say(bob, alice, 'anew')).toBe('anew')
  expect(await say(alice, bob, 'in the new one')).toBe('in the new one')
  expect(await late()).toBe('late')
  expect(await say(alice, bob, 'still in the new one')).toBe('still in the new one')
  expect(await say(bob, alice, 'and back')).toBe('and back')
})
