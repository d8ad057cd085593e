import { mergeConfig } from 'vitest/config'
import usual from './vitest.config.ts'

const long = process.env.CHAOS === 'long'
if (long) process.env.DUPLEX_RUNS ??= '20'

/** What goes wrong with real processes, disks and databases: `npm run test:chaos`, the long form with CHAOS=long. */
const config = mergeConfig(usual, {
  test: {
    // Each wants the machine for itself, and what it counts is counted once.
    maxWorkers: 1,
    fileParallelism: false,
    retry: 0,
    teardownTimeout: 30_000,
  },
})
config.test!.include = ['test/chaos/**/*.test.ts', ...(long ? ['test/whatsapp/postgres.test.ts'] : [])]
config.test!.exclude = []

export default config
