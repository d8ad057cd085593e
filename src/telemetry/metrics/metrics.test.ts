import { expect, it } from 'vitest'
import { createMetrics } from './metrics.ts'

it('words of others than the code become labels under a name of its own', async () => {
  const metrics = createMetrics({ version: '0' })
  metrics.messages.reached('received', 'a new kind')
  metrics.messages.failed('a new reason')
  metrics.http.answered({ method: 'BREW', route: null, status: 418, tookMs: 1 })
  metrics.webhooks.tried({ kind: 'answered', statusCode: 999 })
  const { text } = await metrics.exposition()
  expect(text).toContain('wataki_messages_total{status="received",type="unsupported"} 1')
  expect(text).toContain('wataki_message_failures_total{reason="other"} 1')
  expect(text).toContain('wataki_http_requests_total{method="other",route="unknown",status="4xx"} 1')
  expect(text).toContain('wataki_webhook_attempts_total{outcome="5xx"} 1')
  for (const word of ['a new', 'BREW', '9xx']) expect(text).not.toContain(word)
})
