import { afterEach, describe, expect, test } from 'vitest'
import { type PostgresVault, postgresVault } from '../support/pg-vault.ts'
import { type MemoryVault, memoryVault } from './memory-vault.ts'
import { openRig, type Rig, texts, until } from './rig.ts'

type BreakableVault = Omit<MemoryVault, 'kept' | 'wipes' | 'epoch'>

let rig: Rig<BreakableVault>
let closeVault: (() => Promise<void>) | null = null
afterEach(async () => {
  await rig?.close()
  await closeVault?.()
  closeVault = null
})

const BOB = '5511988880003'

/** The same promises over a store in memory and over the product's own on PostgreSQL, both with 2–5 ms of latency. */
describe.each([
  { store: 'memory', crashes: 10, repeats: 20 },
  { store: 'PostgreSQL', crashes: 30, repeats: 100 },
])('over a vault on $store', ({ store, crashes, repeats }) => {
  /** Linked, and both sides know each other. */
  async function acquainted(): Promise<void> {
    let vault: BreakableVault = memoryVault([2, 5])
    if (store === 'PostgreSQL') {
      const postgres: PostgresVault = await postgresVault([2, 5])
      closeVault = () => postgres.close()
      vault = postgres
    }
    rig = await openRig({ vault, options: { steadyMs: 0 } })
    await rig.link('a')
    await rig.send('a', BOB, 'hello')
    await rig.say('a', BOB, 'hello')
    await until(() => rig.heard('a').messages.length === 1, 'the first message')
  }

  const connectedAgain = (times: number) =>
    until(() => rig.heard('a').states.filter(s => s.state === 'connected').length > times, 'the reconnect')

  test('after a crash between the wire and the next commit the next message is readable, the device cache still warm', async () => {
    await acquainted()
    const { vault, sandbox } = rig
    // The moment the server has the stanza, nothing can be written any more.
    sandbox.simulator.events.on('clientMessage', (_, node) => {
      if (node.attrs.id?.startsWith('3EB0')) vault.dead = true
    })
    for (let crash = 0; crash < crashes; crash++) {
      const connected = rig.heard('a').states.filter(s => s.state === 'connected').length
      expect(await rig.send('a', BOB, `before ${crash}`)).toMatchObject({ kind: 'written' })
      await until(() => vault.dead, 'the stanza at the server')
      await rig.say('a', BOB, `unkept ${crash}`)
      await until(() => rig.state('a') === 'reconnecting', 'the end of the socket')
      vault.dead = false
      await connectedAgain(connected)
      await until(
        () => texts(rig.heard('a')).includes(`unkept ${crash}`),
        'the message that could not be kept at first',
      )
    }
    vault.dead = false
    expect(rig.undecryptable).toBe(0)
    expect(rig.retries).toBe(0)
    await until(async () => (await rig.shown('a', BOB)).length === 1 + crashes, 'all messages at the contact')
  }, 60_000)

  test('a batch that fails ends the socket, rebuilds the session from the vault, and loses nothing', async () => {
    await acquainted()
    const { vault } = rig
    let failures = 3
    vault.beforeCommit = (_, { inbox }) => {
      if (inbox.length > 0 && failures-- > 0) throw new Error('disk full')
    }
    for (let i = 0; i < 5; i++) await rig.say('a', BOB, `in ${i}`)
    await until(() => rig.heard('a').messages.length === 6, 'all messages', 20_000)
    expect(texts(rig.heard('a'))).toEqual(['hello', 'in 0', 'in 1', 'in 2', 'in 3', 'in 4'])
    const lost = rig.heard('a').states.filter(s => s.state === 'reconnecting')
    expect(lost.length).toBeGreaterThanOrEqual(1)
    expect(lost[0]!.lastError).toMatch(/could not be read or stored/)
    expect(rig.retries).toBe(0)
    expect(await rig.send('a', BOB, 'still here')).toMatchObject({ kind: 'written' })
    await until(async () => (await rig.shown('a', BOB)).includes('still here'), 'the message at the contact')
    expect(rig.undecryptable).toBe(0)
  }, 30_000)

  test('keys that cannot be read end the socket before the message is answered: it comes again, and nothing is asked for', async () => {
    await acquainted()
    const { vault } = rig
    const { read } = vault
    // A contact that is new has keys that are in no memory.
    let failures = 2
    vault.read = (...args) => (failures-- > 0 ? Promise.reject(new Error('no database')) : read(...args))
    await rig.say('a', '5511977776666', 'from a stranger')
    await until(() => texts(rig.heard('a')).includes('from a stranger'), 'the message', 20_000)
    expect(failures).toBeLessThan(0)
    expect(texts(rig.heard('a')).filter(text => text === 'from a stranger')).toHaveLength(1)
    expect(rig.retries).toBe(0)
  }, 30_000)

  test('a ciphertext that comes twice is read once, told once, and receipted twice', async () => {
    await acquainted()
    const receipts = new Map<string, number>()
    rig.sandbox.simulator.events.on('receipt', ({ ids }) => {
      for (const id of ids) receipts.set(id, (receipts.get(id) ?? 0) + 1)
    })
    // That of the greeting may come late, and once.
    const receiptedTwice = () => [...receipts.values()].filter(times => times === 2).length
    for (let i = 0; i < repeats; i++) {
      await rig.sandbox.control.fault('a', { kind: 'duplicate_next' })
      await rig.say('a', BOB, `twice ${i}`)
    }
    await until(
      () => receiptedTwice() === repeats && rig.heard('a').messages.length > repeats,
      'both receipts of each, and the last message',
    )
    expect(texts(rig.heard('a')).slice(1)).toEqual(Array.from({ length: repeats }, (_, i) => `twice ${i}`))
    expect(rig.retries).toBe(0)
  })

  test('a crash after the commit and before the receipt: the redelivered ciphertext comes from its row, one event', async () => {
    await acquainted()
    const { vault } = rig
    for (let crash = 0; crash < 4; crash++) {
      const connected = rig.heard('a').states.filter(s => s.state === 'connected').length
      let cut = false
      vault.afterCommit = (_, { inbox }) => {
        if (cut || inbox.length === 0) return
        cut = true
        rig.cable.cut()
      }
      await rig.say('a', BOB, `cut ${crash}`)
      await connectedAgain(connected)
      await until(() => texts(rig.heard('a')).includes(`cut ${crash}`), 'the message')
    }
    await rig.say('a', BOB, 'after')
    await until(() => texts(rig.heard('a')).includes('after'), 'the next message')
    expect(texts(rig.heard('a'))).toEqual(['hello', 'cut 0', 'cut 1', 'cut 2', 'cut 3', 'after'])
    expect(rig.retries).toBe(0)
  }, 60_000)

  test('a message that the house refuses is told again, before those that came after it', async () => {
    await acquainted()
    let refusals = 3
    rig.onMessage = () => {
      if (refusals-- > 0) throw new Error('the database is away')
    }
    for (let i = 0; i < 5; i++) await rig.say('a', BOB, `in ${i}`)
    await until(() => rig.heard('a').messages.length === 6, 'all messages')
    expect(texts(rig.heard('a'))).toEqual(['hello', 'in 0', 'in 1', 'in 2', 'in 3', 'in 4'])
  })

  test('a contact that lost its session gets the message again, from the vault, also after a restart', async () => {
    await acquainted()
    await rig.send('a', BOB, 'first')
    await until(async () => (await rig.shown('a', BOB)).includes('first'), 'the first message')
    await rig.whatsapp.close()
    rig.restart()
    rig.start('a')
    await until(() => rig.state('a') === 'connected', 'the reconnect')
    // Its devices are known from here on: the next message goes out in the session that the contact then lacks.
    await rig.send('a', BOB, 'second')
    await until(async () => (await rig.shown('a', BOB)).includes('second'), 'the second message')
    const { simulator } = rig.sandbox
    const devices = [...simulator.connections].flatMap(conn => (conn.companion ? [conn.companion.lid] : []))
    await simulator.person(BOB).device.repository.deleteSession(devices)
    await rig.send('a', BOB, 'third')
    await until(async () => (await rig.shown('a', BOB)).includes('third'), 'the message that was asked for again')
    expect(rig.undecryptable).toBe(1)
  })
})
