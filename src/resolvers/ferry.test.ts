import { describe, expect, it } from 'vitest'
import { Ferry } from './ferry.ts'

/** A ferry that notes its crossings; each ends when it is told to. */
function open(max: number) {
  const crossings: { loads: string[][]; end: () => void; sink: (cause: Error) => void }[] = []
  const ferry = new Ferry<string, string>({
    max,
    carry(loads) {
      const { promise, resolve, reject } = Promise.withResolvers<string[]>()
      crossings.push({ loads, end: () => resolve(loads.map(load => load.join(''))), sink: reject })
      return promise
    },
  })
  return { ferry, crossings }
}

describe('a ferry', () => {
  it('goes at once when it lies here; what comes while it is under way goes together, in order', async () => {
    const { ferry, crossings } = open(10)
    const a = ferry.take(['a'])
    const others = [ferry.take(['b', 'c']), ferry.take(['d'])]
    expect(crossings.map(({ loads }) => loads)).toEqual([[['a']]])
    crossings[0]!.end()
    expect(await a).toBe('a')
    expect(crossings[1]!.loads).toEqual([['b', 'c'], ['d']])
    crossings[1]!.end()
    expect(await Promise.all(others)).toEqual(['bc', 'd'])
    void ferry.take(['e'])
    expect(crossings[2]!.loads).toEqual([['e']])
  })

  it('takes so many items and no more, and one load that is larger alone', async () => {
    const { ferry, crossings } = open(3)
    const all = [['a'], ['b', 'c'], ['d'], ['e'], ['f', 'g', 'h', 'i'], ['j']].map(load => ferry.take(load))
    for (let n = 0; n < 5; n++) {
      expect(crossings).toHaveLength(n + 1)
      crossings[n]!.end()
      await new Promise(setImmediate)
    }
    expect(await Promise.all(all)).toEqual(['a', 'bc', 'd', 'e', 'fghi', 'j'])
    expect(crossings.map(({ loads }) => loads)).toEqual([
      [['a']],
      [['b', 'c'], ['d']],
      [['e']],
      [['f', 'g', 'h', 'i']],
      [['j']],
    ])
  })

  it('goes on after one that went down, with which nobody else did', async () => {
    const { ferry, crossings } = open(10)
    const a = ferry.take(['a'])
    const b = ferry.take(['b'])
    crossings[0]!.sink(new Error('sunk'))
    await expect(a).rejects.toThrow('sunk')
    crossings[1]!.end()
    expect(await b).toBe('b')
  })
})
