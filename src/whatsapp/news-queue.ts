import type { Log } from './log.ts'

type Slot = 'connection' | 'qr' | 'message' | null

interface Job {
  slot: Slot
  run: () => Promise<void>
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

  /** Tells the newest only: what waits in the same slot is forgotten. */
  replace(slot: 'connection' | 'qr', run: () => Promise<void>): void {
    const old = this.#jobs.findIndex(job => job.slot === slot)
    if (old >= 0) this.#jobs.splice(old, 1)
    this.#add({ slot, run: this.#logged(run) })
  }

  /** Acks and receipts. Beyond the bound the oldest goes: WhatsApp is asked again, or says so again. */
  push(run: () => Promise<void>): void {
    if (this.#jobs.length >= this.#maxJobs) {
      const oldest = this.#jobs.findIndex(job => job.slot === null)
      if (oldest >= 0) this.#jobs.splice(oldest, 1)
      this.#log.warn({ instanceId: this.#instanceId }, 'news are not taken fast enough: one was dropped')
    }
    this.#add({ slot: null, run: this.#logged(run) })
  }

  /** Takes its turn like the others; the caller learns how it went. One at a time, so it needs no bound. */
  tell(run: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#add({ slot: 'message', run: () => run().then(resolve, reject) })
    })
  }

  /** Resolves when all has been told. */
  async idle(): Promise<void> {
    while (this.#working) await this.#working
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
