/**
 * Connected instances with nothing to do, beside as many bare sockets of Baileys with keys in memory, each kind in a process
 * of its own: `npm run bench -- sessions`. Their phones are linked once, see `support/phones.ts`. SIZES (1,50,200,1000), ROUNDS (3)
 * and IDLE_SECONDS are environment variables.
 */
import { given, median } from './support/measure.ts'
import { openPhones } from './support/phones.ts'
import { report } from './support/results.ts'
import { startSockets } from './support/sockets.ts'

const SIZES = (process.env.SIZES ?? '1,50,200,1000').split(',').map(Number)
const ROUNDS = given('ROUNDS', 3)
const IDLE_SECONDS = given('IDLE_SECONDS', 10)
const GOAL = 1.1
const DELAY_GOAL_MS = 50
const MIB = 2 ** 20

const phones = await openPhones(Math.max(...SIZES))
const { sandboxUrl, bare } = phones

/** MiB, and the event loop's delay. */
async function own(count: number): Promise<{ memory: number; delayMs: number }> {
  await phones.want(count)
  const before = await phones.logins()
  const server = await phones.serve()
  try {
    await phones.connected(count, before)
    const delayMs = await server.ask<number>({ delayFor: IDLE_SECONDS * 1000 })
    return { memory: (await server.ask<number>({ memory: true })) / MIB, delayMs }
  } finally {
    await server.end()
  }
}

async function theirs(count: number): Promise<number> {
  const sockets = await startSockets()
  try {
    await sockets.open({ count, sandboxUrl, kept: bare })
    return (await sockets.memory()) / MIB
  } finally {
    await sockets.end()
  }
}

try {
  const sizes = [0, ...SIZES]
  const found = sizes.map(() => ({ own: [] as number[], theirs: [] as number[], delayMs: [] as number[] }))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, size] of sizes.entries()) {
      const { memory, delayMs } = await own(size)
      found[i]!.own.push(memory)
      found[i]!.delayMs.push(delayMs)
      found[i]!.theirs.push(await theirs(size))
    }
  }
  const [none] = found
  /** KiB of each one, over the process without any. */
  const each = (kind: 'own' | 'theirs', i: number) =>
    median(found[i]![kind].map((memory, round) => ((memory - none![kind][round]!) / sizes[i]!) * 1024))
  report(
    'sessions',
    sizes.map((size, i) => {
      const row = {
        instances: size,
        MiB: Math.round(median(found[i]!.own)),
        'bare MiB': Math.round(median(found[i]!.theirs)),
        'event loop p99 ms': Number(median(found[i]!.delayMs).toFixed(1)),
      }
      // Of one or none it is the noise of a process that is told.
      if (size < 2) return row
      const times = each('own', i) / each('theirs', i)
      const isMet = times <= GOAL && median(found[i]!.delayMs) <= DELAY_GOAL_MS
      return {
        ...row,
        'KiB each': Math.round(each('own', i)),
        'bare KiB each': Math.round(each('theirs', i)),
        times: Number(times.toFixed(2)),
        goal: `≤ ${GOAL} ×, ≤ ${DELAY_GOAL_MS} ms`,
        met: isMet ? 'yes' : 'no',
      }
    }),
  )
} finally {
  await phones.end()
}
