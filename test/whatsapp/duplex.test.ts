import { expect, test } from 'vitest'
import { duplex } from './duplex.ts'
import { memoryVault } from './memory-vault.ts'

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
