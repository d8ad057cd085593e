import type { App } from '../context.ts'
import { tidyRateBucketsDue } from '../resolvers/auth/admit.ts'
import { sendMailDue } from '../resolvers/auth/sendMailDue.ts'
import { tidyAccountsDue } from '../resolvers/auth/tidyAccountsDue.ts'
import { writeLastUseDue } from '../resolvers/auth/writeLastUseDue.ts'
import { reconcileDue } from '../resolvers/billing/reconcileDue.ts'
import { tidyEventsDue } from '../resolvers/events/tidyEventsDue.ts'
import { fetchMediaDue } from '../resolvers/media/fetchMediaDue.ts'
import { tidyMediaDue } from '../resolvers/media/tidyMediaDue.ts'
import { dispatchDue } from '../resolvers/messages/dispatchDue.ts'
import { expirePending, failLeftPending } from '../resolvers/messages/failPending.ts'
import { recountDue } from '../resolvers/messages/recountDue.ts'
import { tidyInboxDue } from '../resolvers/messages/tidyInboxDue.ts'
import { answerCommands, tidyCommandsDue } from '../resolvers/nodes/answerCommands.ts'
import { beatDue, fenceDue } from '../resolvers/nodes/beat.ts'
import { hearMissed } from '../resolvers/nodes/hear.ts'
import { rollUpMessagesDue } from '../resolvers/observability/rollUpMessagesDue.ts'
import { tidyRollupsDue } from '../resolvers/observability/tidyRollupsDue.ts'
import { writeCallsDue } from '../resolvers/observability/writeCallsDue.ts'
import { tidyFirstAnswersDue } from '../resolvers/once.ts'
import { deliverDue } from '../resolvers/webhooks/deliverDue.ts'
import { tidyDeliveriesDue, tidyWebhooksDue } from '../resolvers/webhooks/tidyWebhooksDue.ts'

/** The clock as a caller: which operation, how often. It decides nothing. */
export const JOBS: { name: string; everyMs: number; run: (app: App) => Promise<void> }[] = [
  { name: 'fence a node that is late', everyMs: 250, run: fenceDue },
  { name: 'say that this node lives', everyMs: 1_000, run: beatDue },
  { name: 'do what other nodes ask', everyMs: 1_000, run: answerCommands },
  { name: 'hear what was missed', everyMs: 1_000, run: hearMissed },
  { name: 'tidy the commands', everyMs: 300_000, run: tidyCommandsDue },
  { name: 'dispatch what is due', everyMs: 1_000, run: dispatchDue },
  { name: 'expire what is pending', everyMs: 5_000, run: expirePending },
  { name: 'end what a lost phone left pending', everyMs: 5_000, run: failLeftPending },
  { name: 'count anew what waits', everyMs: 300_000, run: recountDue },
  { name: 'deliver what is due', everyMs: 1_000, run: deliverDue },
  { name: 'fetch media', everyMs: 1_000, run: fetchMediaDue },
  { name: 'tidy the media', everyMs: 15_000, run: tidyMediaDue },
  { name: 'send the mail', everyMs: 1_000, run: sendMailDue },
  { name: 'agree with Stripe', everyMs: 5_000, run: reconcileDue },
  { name: 'write down last uses', everyMs: 15_000, run: writeLastUseDue },
  { name: 'write down calls', everyMs: 5_000, run: writeCallsDue },
  { name: 'roll up messages', everyMs: 2_000, run: rollUpMessagesDue },
  { name: 'tidy the accounts', everyMs: 300_000, run: tidyAccountsDue },
  { name: 'tidy the rate buckets', everyMs: 300_000, run: tidyRateBucketsDue },
  { name: 'tidy the first answers', everyMs: 300_000, run: tidyFirstAnswersDue },
  { name: 'tidy the events', everyMs: 300_000, run: tidyEventsDue },
  { name: 'tidy the webhooks', everyMs: 5_000, run: tidyWebhooksDue },
  { name: 'tidy the deliveries', everyMs: 300_000, run: tidyDeliveriesDue },
  { name: 'tidy the rollups', everyMs: 3_600_000, run: tidyRollupsDue },
  { name: 'tidy the inbox', everyMs: 3_600_000, run: tidyInboxDue },
]

/** Starts the clock; a job that still runs is not started again. The answer stops it and waits for what runs. */
export function startJobs(app: App): () => Promise<void> {
  for (const { name } of JOBS) app.metrics.work.expect(name)
  const running = new Map<string, Promise<void>>()
  const timers = JOBS.map(job =>
    setInterval(() => {
      if (running.has(job.name)) return
      const run = job
        .run(app)
        .then(() => app.metrics.work.ran(job.name, 'done'))
        .catch(cause => {
          app.metrics.work.ran(job.name, 'failed')
          app.log.error({ err: cause, job: job.name }, 'job failed')
        })
        .finally(() => running.delete(job.name))
      running.set(job.name, run)
    }, job.everyMs),
  )
  return async () => {
    timers.forEach(clearInterval)
    await Promise.all(running.values())
  }
}
