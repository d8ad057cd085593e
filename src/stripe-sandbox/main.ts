import { randomBytes } from 'node:crypto'
import { readConfig } from '../config.ts'
import { openStripeSandbox } from './server.ts'

// A stand-in for Stripe as a process of its own; what it prints points a server at it.

const PRICES = [
  { id: 'price_growth', name: 'Growth', cents: 2900 },
  { id: 'price_scale', name: 'Scale', cents: 9900 },
]

try {
  const { publicUrl, stripe, stripeSandboxPort } = readConfig()
  // A server that was pointed at a stand-in before goes on with its settings.
  const secret = (stripe?.apiUrl && stripe.webhookSecret) || `whsec_${randomBytes(16).toString('hex')}`
  const sold = stripe?.prices
  const sandbox = await openStripeSandbox({
    port: stripeSandboxPort,
    prices: PRICES.map((price, n) => ({ ...price, id: [sold?.growth[0], sold?.scale[0]][n] ?? price.id })),
    events: { url: `${publicUrl}/v1/billing/stripe-webhook`, secret },
    told: line => console.error(line),
  })
  const [growth, scale] = [...sandbox.state.prices.keys()]
  console.log(`STRIPE_API_URL=${sandbox.url}`)
  console.log(`STRIPE_SECRET_KEY=sk_test_sandbox`)
  console.log(`STRIPE_WEBHOOK_SECRET=${secret}`)
  console.log(`STRIPE_PRICE_GROWTH=${growth}`)
  console.log(`STRIPE_PRICE_SCALE=${scale}`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void sandbox.close().then(() => process.exit(0)))
  }
} catch (error) {
  console.error((error as Error).message)
  process.exit(1)
}
