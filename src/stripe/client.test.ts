import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openStripe } from './client.ts'

const server = createServer((_, res) => res.end(JSON.stringify({ id: 'acct_1', object: 'account' })))
let apiUrl: string
beforeAll(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

it('tells whose key it is: the account, which has the same id in both modes, and the mode', async () => {
  const prices = { growth: ['price_1'], scale: ['price_2'] }
  for (const mode of ['live', 'test'] as const) {
    for (const kind of ['sk', 'rk']) {
      const stripe = openStripe({ secretKey: `${kind}_${mode}_1`, webhookSecret: 'whsec_1', prices, apiUrl })
      expect(await stripe.account()).toEqual({ kind: 'done', value: { id: 'acct_1', mode } })
    }
  }
})
