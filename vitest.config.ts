import { fileURLToPath } from 'node:url'
import { defineConfig, type UserWorkspaceConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

/** They leave nothing behind in their process, and measure nothing of it. */
const LIGHT = ['src/**/*.test.ts', 'test/{doors,mail,storage}/**/*.test.ts', 'test/delivery/{addresses,post}.test.ts']

type Test = NonNullable<UserWorkspaceConfig['test']>

export const GLOBAL_SETUP = ['test/support/global-setup.ts']

// Vite would take the ES build of graphql for our files while Node gives everyone else the CommonJS one.
export const RESOLVE = { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] }

export const TEST: Test = {
  environment: 'node',
  setupFiles: ['test/support/loopback-only.ts'],
  // Forks, not threads: native addons live once per process.
  pool: 'forks',
  // PostgreSQL and the servers under test want the other core.
  maxWorkers: 2,
  // In CI other work may take the processor for seconds. A retry is named in the report; what the crash tests count is
  // counted once and not tried again.
  retry: process.env.CI ? 1 : 0,
  // A condition is waited for as long as `until` does; the second that it is by default is short where others work, too.
  expect: { poll: { timeout: 30_000 } },
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

const project = (name: string, test: Test): UserWorkspaceConfig => ({
  resolve: RESOLVE,
  test: { ...TEST, name, ...test },
})

export default defineConfig({
  test: {
    globalSetup: [...GLOBAL_SETUP, 'test/support/dashboard-setup.ts'],
    sequence: { sequencer: LongestFirst },
    teardownTimeout: 15_000,
    projects: [
      // What the engine keeps for its process would reach the next file: each begins in a new one.
      project('alone', { include: ['test/**/*.test.ts'], exclude: ['test/chaos/**', ...LIGHT] }),
      // To load what they need takes longer than most of them take: their processes are kept.
      project('together', { include: LIGHT, isolate: false }),
    ],
  },
})
