import { getHeapStatistics } from 'node:v8'

const SHARE_MAX = 0.85
const LOOK_MS = 100

/** Whether so much of the heap is used that what is inside has to end first, for its memory to be given back. */
export class Heap {
  readonly #share: () => number
  #lookedMs = Number.NEGATIVE_INFINITY
  #short = false

  constructor(share = shareNow) {
    this.#share = share
  }

  isShort(nowMs: number): boolean {
    if (nowMs - this.#lookedMs >= LOOK_MS) {
      this.#lookedMs = nowMs
      this.#short = this.#share() > SHARE_MAX
    }
    return this.#short
  }
}

function shareNow(): number {
  const heap = getHeapStatistics()
  return heap.used_heap_size / heap.heap_size_limit
}
