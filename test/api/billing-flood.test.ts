import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../support/app.ts'
import { type Billing, openBilling } from '../support/stripe.ts'

let billing: Billing
beforeAll(async () => {
  billing = await openBilling({ variables: { SANDBOX: 'off' } })
})
afterAll(() => billing.close())

it('who calls themselves Stripe and never ends their bodies holds up nobody else’s, and Stripe’s own event later', async () => {
  const { wataki } = billing
  const acme = await wataki.tenant()
  const { hostname, port } = new URL(wataki.url)
  const sockets: Socket[] = []
  const answers: string[] = []
  for (let n = 0; n < 70; n++) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {}).on('data', chunk => answers.push(String(chunk)))
    socket.write('POST /v1/billing/stripe-webhook HTTP/1.1\r\nHost: x\r\nStripe-Signature: t=1,v1=x\r\n')
    socket.write('Content-Type: application/json\r\nContent-Length: 1048576\r\n\r\n')
    socket.write(Buffer.alloc(1_048_575, 'x'))
    sockets.push(socket)
  }
  const refused = await until(
    async () => answers.filter(text => /^HTTP\/1.1 503 [\s\S]*Retry-After/.test(text)).length,
    count => count >= 60,
  )
  expect(refused).toBeLessThan(70)
  expect((await acme.post('/v1/instances', { name: 'bot' })).status).toBe(201)
  for (const socket of sockets) socket.destroy()
  await billing.subscribe(acme, 'growth')
  const event = billing.eventsOf(acme).at(-1)!
  await until(
    () => billing.tell(event),
    ({ status }) => status === 200,
  )
})
