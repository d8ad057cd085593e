import { Counter, type Registry } from 'prom-client'

const WAYS = ['uploaded', 'received', 'sent'] as const
const OUTCOMES = ['sent', 'failed', 'refused'] as const

export interface WorkMetrics {
  /** There is such a job: it is told of before it has run. */
  expect(task: string): void
  /** A call of the clock's has ended, by its name in the table of jobs. */
  ran(task: string, outcome: 'done' | 'failed'): void
  /** A file was stored for a caller, stored from WhatsApp, or given to WhatsApp's media host. */
  carried(way: (typeof WAYS)[number], bytes: number): void
  letter(outcome: (typeof OUTCOMES)[number]): void
}

export function workMetrics(registry: Registry): WorkMetrics {
  const registers = [registry]
  const runs = new Counter({
    name: 'wataki_job_runs_total',
    help: 'Calls of the clock that have ended, by which and how',
    labelNames: ['task', 'outcome'],
    registers,
  })
  const media = new Counter({
    name: 'wataki_media_bytes_total',
    help: 'Bytes of files: uploaded by callers, received from WhatsApp, sent to it',
    labelNames: ['way'],
    registers,
  })
  const letters = new Counter({
    name: 'wataki_letters_total',
    help: 'Tries to send a letter, by what came of it',
    labelNames: ['outcome'],
    registers,
  })
  for (const way of WAYS) media.inc({ way }, 0)
  for (const outcome of OUTCOMES) letters.inc({ outcome }, 0)
  return {
    expect(task) {
      for (const outcome of ['done', 'failed']) runs.inc({ task, outcome }, 0)
    },
    ran: (task, outcome) => runs.inc({ task, outcome }),
    carried: (way, bytes) => media.inc({ way }, bytes),
    letter: outcome => letters.inc({ outcome }),
  }
}
