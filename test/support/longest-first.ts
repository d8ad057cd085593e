import { relative } from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Of the files that take long the longest first: what begins last decides when all is done. */
const LONG = [
  'test/chaos/webhooks.test.ts',
  'test/chaos/failpoints.test.ts',
  'test/chaos/failing-statements.test.ts',
  'test/chaos/order.test.ts',
  'test/chaos/database-stopped.test.ts',
  'test/chaos/uploads.test.ts',
  'test/crash/kills.test.ts',
  'test/db/migrations.test.ts',
  'test/api/listen.test.ts',
  'test/whatsapp/crash.test.ts',
  'test/crash/windows.test.ts',
  'test/crash/uploads.test.ts',
  'test/crash/fifty.test.ts',
  'test/api/shutdown.test.ts',
  'test/api/secrets.test.ts',
  'test/api/cli.test.ts',
  'test/cli/client.test.ts',
  'test/cli/backup.test.ts',
  'test/cli/doctor.test.ts',
  'test/cli/login.test.ts',
  'test/db/join.test.ts',
  'test/api/fuzz.test.ts',
  'test/simulation.test.ts',
  'test/whatsapp/postgres.test.ts',
  'test/api/sign-in.test.ts',
  'test/api/once.test.ts',
  'test/api/webhook-deliveries.test.ts',
  'test/api/webhook-fairness.test.ts',
  'test/api/quota.test.ts',
  'test/api/backlog.test.ts',
  'test/whatsapp/duplex.test.ts',
  'test/whatsapp/reconnect.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const rank = (spec: TestSpecification): number => {
      const place = LONG.indexOf(relative(root, spec.moduleId))
      return place < 0 ? LONG.length : place
    }
    const kept = (spec: TestSpecification): number => Number(!spec.project.config.isolate)
    // Those that share processes in one row: a process ends when the next file wants one of its own.
    return (await super.sort(files)).toSorted((a, b) => kept(a) - kept(b) || rank(a) - rank(b))
  }
}
