import type { Log } from './log.ts'
import type { AnswerNews } from './whatsapp.ts'

interface Job {
  kind: 'connection' | 'qr' | 'message' | 'small'
  run?(): Promise<void>
  drop?(): void
  /** Of an ack or a receipt: what is told together with others. */
  answer?(): Promise<AnswerNews>
}

/** Acks and receipts that are told together. */
const ANSWERS_MAX = 100

/** News of one instance, told one after another. Nobody in the socket's path waits for it. */
export class NewsQueue {
  readonly #jobs: Job[] = []
  readonly #log: Log
  readonly #instanceId: string
  readonly #maxJobs: number
  readonly #tellAnswers: (answers: AnswerNews[]) => Promise<void>
  #working: Promise<void> | null = null

  constructor(options: {
    instanceId: string
    log: Log
    maxJobs: number
    tellAnswers: (answers: AnswerNews[]) => Promise<void>
  }) {
    this.#instanceId = options.instanceId
    this.#log = options.log
    this.#maxJobs = options.maxJobs
    this.#tellAnswers = options.tellAnswers
  }

  /** Tells the newest only: what waits of the same kind is forgotten. */
  replace(kind: 'connection' | 'qr', run: () => Promise<void>): void {
    this.#forget(kind)
    this.#add({ kind, run: this.#logged(run) })
  }

  /** Acks and receipts: told with those that follow while others are told. */
  answer(answer: () => Promise<AnswerNews>): void {
    this.#addSmall({ kind: 'small', answer })
  }

  push(run: () => Promise<void>): void {
    this.#addSmall({ kind: 'small', run: this.#logged(run) })
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

  /** Beyond the bound the oldest goes: an ack is earned again, a receipt is no promise. */
  #addSmall(job: Job): void {
    if (this.#jobs.length >= this.#maxJobs) {
      this.#forget('small')
      this.#log.warn({ instanceId: this.#instanceId }, 'news are not taken fast enough: one was dropped')
    }
    this.#add(job)
  }

  #add(job: Job): void {
    this.#jobs.push(job)
    this.#working ??= this.#work().finally(() => {
      this.#working = null
    })
  }

  async #work(): Promise<void> {
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      if (job.answer) await this.#answers(job.answer)
      else await job.run?.()
    }
  }

  /** It, and what follows it without anything else in between. */
  async #answers(first: () => Promise<AnswerNews>): Promise<void> {
    const answers = [first]
    for (let next = this.#jobs[0]; next?.answer && answers.length < ANSWERS_MAX; next = this.#jobs[0]) {
      answers.push(next.answer)
      this.#jobs.shift()
    }
    await this.#logged(async () => this.#tellAnswers(await Promise.all(answers.map(answer => answer()))))()
  }

  #logged(run: () => Promise<void>): () => Promise<void> {
    return () =>
      run().catch(error => this.#log.error({ instanceId: this.#instanceId, err: error }, 'news could not be handled'))
  }
}
