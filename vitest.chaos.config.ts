import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'
import { GLOBAL_SETUP, RESOLVE, TEST } from './vitest.config.ts'

const long = process.env.CHAOS === 'long'
if (long) process.env.DUPLEX_RUNS ??= '20'

/** What goes wrong with real processes, disks and databases: `npm run test:chaos`, the long form with CHAOS=long. */
export default defineConfig({
  resolve: RESOLVE,
  test: {
    ...TEST,
    globalSetup: GLOBAL_SETUP,
    sequence: { sequencer: LongestFirst },
    include: ['test/chaos/**/*.test.ts', ...(long ? ['test/whatsapp/postgres.test.ts'] : [])],
    // In the long form each has the machine for itself; in the short one two share it, for they wait a lot.
    maxWorkers: long ? 1 : 2,
    // What they count is counted once.
    retry: 0,
    teardownTimeout: 30_000,
  },
})
