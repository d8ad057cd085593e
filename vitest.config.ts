import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Vite would take the ES build of graphql for our files while Node gives everyone else the CommonJS one.
  resolve: { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] },
  test: {
    environment: 'node',
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/chaos/**'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/loopback-only.ts'],
    // Forks, not threads: a test may end its process, and native addons live once per process.
    pool: 'forks',
    // PostgreSQL and the servers under test want the other core.
    maxWorkers: 2,
    // In CI other work may take the processor for seconds. A retry is named in the report; what the crash tests count is
    // counted once and not tried again.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 15_000,
  },
})
