import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp, until } from '../support/app.ts'
import { freePort } from '../support/free-port.ts'

/** `npm run stripe-sandbox`, as people use it: a process that prints the settings, and calls the server by itself. */

let standIn: ChildProcess
let wataki: TestApp
let printed = ''
let settings: Record<string, string>

beforeAll(async () => {
  const port = await freePort()
  const env = { PATH: process.env.PATH, PUBLIC_URL: `http://127.0.0.1:${port}`, STRIPE_SANDBOX_PORT: '0' }
  standIn = spawn(process.execPath, ['src/stripe-sandbox/main.ts'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  standIn.stdout!.on('data', chunk => (printed += chunk))
  await until(
    () => printed,
    text => text.includes('STRIPE_PRICE_SCALE='),
  )
  settings = Object.fromEntries(
    printed
      .trim()
      .split('\n')
      .map(line => line.split(/=(.*)/).slice(0, 2) as [string, string]),
  )
  wataki = await openTestApp({ ...settings, PORT: String(port), SANDBOX: 'off' })
})
afterAll(async () => {
  await wataki?.close()
  standIn?.kill('SIGTERM')
})

describe('npm run stripe-sandbox', () => {
  it('prints the five settings that a server needs', () => {
    expect(Object.keys(settings)).toEqual([
      'STRIPE_API_URL',
      'STRIPE_SECRET_KEY',
      'STRIPE_WEBHOOK_SECRET',
      'STRIPE_PRICE_GROWTH',
      'STRIPE_PRICE_SCALE',
    ])
    expect(settings.STRIPE_API_URL).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(settings.STRIPE_WEBHOOK_SECRET).toMatch(/^whsec_[0-9a-f]{32}$/)
  })

  it('takes a payment on its page, and tells the server, which then has the plan', async () => {
    const caller = await wataki.tenant()
    const { body } = await caller.post('/v1/billing/upgrade', { plan: 'scale' })
    const page = await (await fetch(body.checkout_url)).text()
    for (const button of ['Pay', 'Decline', 'Cancel']) expect(page).toContain(`>${button}</button>`)
    const paid = await fetch(body.checkout_url, { method: 'POST', body: 'do=pay', redirect: 'manual' })
    expect(paid.status).toBe(303)
    const plan = async () => (await caller.get('/v1/billing/usage')).body.plan.id
    expect(await until(plan, found => found !== 'free')).toBe('scale')
  })

  it('answers wrong calls as Stripe does', async () => {
    const ask = async (path: string, init: RequestInit & { key?: string } = {}) => {
      const { key = 'sk_test_sandbox', headers, ...rest } = init
      const sent = { ...rest, headers: { authorization: `Bearer ${key}`, ...(headers as Record<string, string>) } }
      const answer = await fetch(`${settings.STRIPE_API_URL}${path}`, sent)
      const { error } = (await answer.json()) as { error?: { type: string; code?: string; param?: string } }
      return [answer.status, error?.type, error?.code, error?.param]
    }
    const post = (body: string, key: string) => ({ method: 'POST', body, headers: { 'idempotency-key': key } })
    expect(await ask('/v1/customers/cus_none')).toEqual([404, 'invalid_request_error', 'resource_missing', 'id'])
    expect(await ask('/v1/account', { key: 'sk_live_x' })).toEqual([401, 'invalid_request_error', undefined, undefined])
    expect(await ask('/v1/customers', post('name=a', 'k'))).toEqual([200, undefined, undefined, undefined])
    expect((await ask('/v1/customers', post('name=b', 'k'))).slice(0, 2)).toEqual([400, 'idempotency_error'])
    expect(await ask('/v1/refunds', post('', 'l'))).toEqual([
      400,
      'invalid_request_error',
      'parameter_missing',
      'payment_intent',
    ])
  })
})
