import { expect, test } from 'vitest'
import { postgresVault } from '../support/pg-vault.ts'
import { type DuplexOptions, type DuplexResult, duplex } from './duplex.ts'

// The long form is for a closing note: DUPLEX_RUNS=20.
const RUNS = Number(process.env.DUPLEX_RUNS ?? 5)
const AT_ONCE = 5
const MESSAGES = 400
const LATENCY_MS: [number, number] = [2, 5]

async function run(
  number: number,
  options: Pick<DuplexOptions, 'messagesEachWay' | 'settleMs' | 'stock'>,
): Promise<DuplexResult> {
  const vault = await postgresVault(LATENCY_MS, ['a'])
  try {
    // libsignal queues by address for the whole process: runs with one contact would wait for each other.
    const contact = `55119777${String(number).padStart(5, '0')}`
    return await duplex({ vault, instanceId: 'a', gapMs: [5, 200], contact, settleMs: 15_000, ...options })
  } finally {
    await vault.close()
  }
}

test(
  `${RUNS} runs of ${MESSAGES} messages each way side by side, over PostgreSQL with 2–5 ms of latency: none undecryptable`,
  async () => {
    const results: DuplexResult[] = []
    for (let from = 0; from < RUNS; from += AT_ONCE) {
      const numbers = Array.from({ length: Math.min(AT_ONCE, RUNS - from) }, (_, i) => from + i)
      results.push(...(await Promise.all(numbers.map(number => run(number, { messagesEachWay: MESSAGES })))))
    }
    const perfect = { undecryptable: 0, retries: 0, outboundRead: MESSAGES, inboundRead: MESSAGES, repeats: 0 }
    expect(results).toEqual(Array(RUNS).fill(perfect))
  },
  120_000 * Math.ceil(RUNS / AT_ONCE),
)

test('the same on stock Baileys loses messages: the test can fail', async () => {
  const { undecryptable, retries } = await run(99, { messagesEachWay: 150, settleMs: 500, stock: true })
  expect(undecryptable + retries).toBeGreaterThan(0)
}, 120_000)
