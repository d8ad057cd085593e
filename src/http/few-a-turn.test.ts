import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FewATurn } from './few-a-turn.ts'

describe('a few a turn', () => {
  it('leaves each turn of the event loop to everything else after four, and forgets nobody', async () => {
    const few = new FewATurn()
    const gone: number[] = []
    for (let n = 0; n < 10; n++) void few.turn().then(() => gone.push(n))
    const each: number[] = []
    while (gone.length < 10) {
      await turn()
      each.push(gone.length)
    }
    expect(each).toEqual([4, 8, 10])
    expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await few.turn()
  })

  it('keeps a thousand waiting and no more: the next goes at once', async () => {
    const few = new FewATurn()
    let gone = 0
    for (let n = 0; n < 1005; n++) void few.turn().then(() => gone++)
    await Promise.resolve().then(() => {})
    expect(gone).toBe(5)
  })
})
