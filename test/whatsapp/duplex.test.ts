import { expect, test } from 'vitest'
import { duplex } from './duplex.ts'
import { memoryVault } from './memory-vault.ts'
import { openRig, until } from './rig.ts'

const RUNS = 3
const MESSAGES = 80

test('both sides writing at the same time over a slow store lose nothing and ask for nothing twice', async () => {
  const runs = await Promise.all(
    Array.from({ length: RUNS }, (_, run) =>
      duplex({
        vault: memoryVault([2, 5]),
        instanceId: 'a',
        messagesEachWay: MESSAGES,
        gapMs: [5, 40],
        // libsignal queues by address for the whole process: runs with one contact would wait for each other.
        contact: `551198888010${run}`,
      }),
    ),
  )
  for (const run of runs)
    expect(run).toEqual({ undecryptable: 0, retries: 0, outboundRead: MESSAGES, inboundRead: MESSAGES, repeats: 0 })
})

test('Baileys with its own wiring over the same store does lose: the check above can fail', async () => {
  const run = await duplex({
    vault: memoryVault([2, 5]),
    instanceId: 'a',
    messagesEachWay: MESSAGES,
    gapMs: [5, 40],
    settleMs: 500,
    stock: true,
  })
  expect(run.undecryptable + run.retries).toBeGreaterThan(0)
})

test('instances of one process that write with the same contact do not wait for each other for ever', async () => {
  const vault = memoryVault([1, 4])
  const rig = await openRig({ vault })
  const names = ['a', 'b', 'c']
  const contact = '5511988880111'
  await Promise.all(names.map(name => rig.link(name)))
  // libsignal runs the jobs of one address in the async context of whichever instance came first.
  await Promise.all(
    names.flatMap(name =>
      Array.from({ length: 25 }, async (_, i) => {
        const outcome = await rig.send(name, contact, `${name}${i}`)
        expect(outcome.kind).toBe('written')
        await rig.say(name, contact, `in ${i}`)
      }),
    ),
  )
  for (const name of names) {
    await until(() => rig.heard(name).messages.length === 25, 'all inbound')
    await until(async () => (await rig.shown(name, contact)).length === 25, 'all outbound')
  }
  await rig.close()
})
