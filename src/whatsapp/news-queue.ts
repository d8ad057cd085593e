import type { Log } from './log.ts'

interface Job {
  kind: 'connection' | 'qr' | 'message' | 'small'
  run(): Promise<void>
  drop?(): void
}

/** News of one instance, told one after another. Nobody in the socket's path waits for it. */
export class NewsQueue {
  readonly #jobs: Job[] = []
  readonly #log: Log
  readonly #instanceId: string
  readonly #maxJobs: number
  #working: Promise<void> | null = null

  constructor(options: { instanceId: string; log: Log; maxJobs: number }) {
    this.#instanceId = options.instanceId
    this.#log = options.log
    this.#maxJobs = options.maxJobs
  }

  /** Tells the newest only: what waits of the same kind is forgotten. */
  replace(kind: 'connection' | 'qr', run: () => Promise<void>): void {
    this.#forget(kind)
    this.#add({ kind, run: this.#logged(run) })
  }

  /** Acks and receipts. Beyond the bound the oldest goes: an ack is earned again, a receipt is no promise. */
  push(run: () => Promise<void>): void {
    if (this.#jobs.length >= this.#maxJobs) {
      this.#forget('small')
      this.#log.warn({ instanceId: this.#instanceId }, 'news are not taken fast enough: one was dropped')
    }
    this.#add({ kind: 'small', run: this.#logged(run) })
  }

  /** Takes its turn like the others; the caller learns how it went. One at a time, so it needs no bound. */
  tell(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const drop = () => reject(new Error('nothing is told any more'))
      this.#add({ kind: 'message', run: () => run().then(resolve, reject), drop })
    })
  }

  /** Forgets what waits; what is being told goes on. */
  clear(): void {
    for (const job of this.#jobs.splice(0)) job.drop?.()
  }

  /** Resolves when all has been told. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working
  }

  #forget(kind: Job['kind']): void {
    const oldest = this.#jobs.findIndex(job => job.kind === kind)
    if (oldest >= 0) this.#jobs.splice(oldest, 1)
  }

  #add(job: Job): void {
    this.#jobs.push(job)
    this.#working ??= this.#work().finally(() => {
      this.#working = null
    })
  }

  async #work(): Promise<void> {
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) await job.run()
  }

  #logged(run: () => Promise<void>): () => Promise<void> {
    return () =>
      run().catch(error => this.#log.error({ instanceId: this.#instanceId, err: error }, 'news could not be handled'))
  }
}
