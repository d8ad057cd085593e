import { DEFAULT_CONNECTION_CONFIG, initAuthCreds } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { KeyStore } from '../../src/whatsapp/key-store.ts'
import { baileysLogger } from '../../src/whatsapp/log.ts'
import { signalRepository } from '../../src/whatsapp/signal.ts'
import { memoryVault } from './memory-vault.ts'

/** What a stranger chooses goes into the batch that has the ratchets: one that the vault refuses would end the socket. */

const nothing = () => {}
const logger = baileysLogger({ debug: nothing, info: nothing, warn: nothing, error: nothing }, 'a')
const GROUP = '120363000000000001@g.us'
const AUTHOR = '90000000000001@lid'

function device(stanza: Record<string, string> = {}) {
  const creds = initAuthCreds()
  const vault = memoryVault()
  const callbacks = { onFailure: nothing, onInbox: nothing }
  const keys = new KeyStore({ instanceId: 'a', vault, creds, epoch: () => 1, lingerMs: 0, ...callbacks })
  const repository = signalRepository({ instanceId: 'inst', keys, stanzaOf: () => stanza, onClose: nothing })(
    { creds, keys: keys.socketKeys },
    logger,
    DEFAULT_CONNECTION_CONFIG.makeSignalRepository as never,
  )
  return { repository, vault, kept: () => vault.kept.get('a') }
}

async function sealed() {
  const { repository } = device()
  const data = Buffer.from('hello')
  return repository.encryptGroupMessage({ group: GROUP, meId: AUTHOR, data })
}

test('a group that cannot be one leaves no key, and costs no commit', async () => {
  const { senderKeyDistributionMessage } = await sealed()
  const { repository, vault, kept } = device()
  const item = { axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage }
  for (const groupId of ['1\0@g.us', `${'1'.repeat(5000)}@g.us`, 'nowhere', ''])
    await repository.processSenderKeyDistributionMessage({ item: { ...item, groupId }, authorJid: AUTHOR })
  expect([vault.commits, kept()?.keys.size ?? 0]).toEqual([0, 0])
  await repository.processSenderKeyDistributionMessage({ item: { ...item, groupId: GROUP }, authorJid: AUTHOR })
  expect(kept()!.keys.size).toBe(1)
})

test('the stanza is kept without what JSON of a database cannot have', async () => {
  const { ciphertext, senderKeyDistributionMessage } = await sealed()
  const { repository, kept } = device({ id: 'ID', notify: 'B\0o\ud800b', long: 'x'.repeat(100_000) })
  const item = { axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage, groupId: GROUP }
  await repository.processSenderKeyDistributionMessage({ item, authorJid: AUTHOR })
  await repository.decryptGroupMessage({ group: GROUP, authorJid: AUTHOR, msg: ciphertext })
  const [row] = kept()!.inbox.values()
  expect(row!.stanza).toEqual({ id: 'ID', notify: 'Bo\ufffdb', long: 'x'.repeat(1024) })
})
