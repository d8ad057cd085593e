import { describe, expect, it } from 'vitest'
import { readConfig } from '../config.ts'
import * as checks from './checks.ts'

const GIB = 1024 ** 3
const KEY = 'a key of at least thirty-two characters'
const production = (more: Record<string, string> = {}) =>
  readConfig({ NODE_ENV: 'production', SECRET_KEY: KEY, PUBLIC_URL: 'https://wa.example.com', ...more })
const stripe = (mode: string) => ({
  STRIPE_SECRET_KEY: `sk_${mode}_x`,
  STRIPE_WEBHOOK_SECRET: 'whsec_x',
  STRIPE_PRICE_GROWTH: 'price_1',
  STRIPE_PRICE_SCALE: 'price_2',
})

describe('a check', () => {
  it('judges what it is given, and says what to do of all that is not well', () => {
    for (const [what, check, status] of [
      ['node', checks.node('24.1.0'), 'ok'],
      ['old node', checks.node('20.19.0'), 'fail'],
      ['room', checks.disk('/d', 50 * GIB), 'ok'],
      ['little room', checks.disk('/d', GIB), 'warn'],
      ['no room', checks.disk('/d', 0.1 * GIB), 'fail'],
      ['clock', checks.skew(-900), 'ok'],
      ['clock behind', checks.skew(-5_000), 'warn'],
      ['clock of another day', checks.skew(86_400_000), 'fail'],
      ['no tables', checks.schema([], ['a', 'b']), 'ok'],
      ['all tables', checks.schema(['a', 'b'], ['a', 'b']), 'ok'],
      ['old tables', checks.schema(['a'], ['a', 'b']), 'warn'],
      ['newer tables', checks.schema(['a', 'b', 'c'], ['a', 'b']), 'fail'],
      ['no billing', checks.stripe(production()), 'ok'],
      ['live billing', checks.stripe(production(stripe('live'))), 'ok'],
      ['billing of a test', checks.stripe(production(stripe('test'))), 'warn'],
      ['billing for real in a test', checks.stripe(readConfig(stripe('live'))), 'warn'],
      ['a public address', checks.publicUrl(production()) ?? checks.ok('public url', ''), 'ok'],
      ['a bare address', checks.publicUrl(production({ PUBLIC_URL: 'http://wa.example.com' }))!, 'warn'],
      ['an address of nobody', checks.publicUrl(production({ PUBLIC_URL: 'http://127.0.0.1:3000' }))!, 'fail'],
      ['no sandbox', checks.sandbox(production()), 'ok'],
      ['a sandbox for customers', checks.sandbox(production({ SANDBOX: 'on' })), 'warn'],
    ] as const) {
      expect(check, what).toMatchObject({ status, says: expect.any(String) })
      expect(check.fix === null, what).toBe(status === 'ok')
    }
  })
})
