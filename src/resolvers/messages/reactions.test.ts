import { expect, it } from 'vitest'
import { withReaction } from './reactions.ts'

const at = (seconds: number) => new Date(seconds * 1000).toISOString()
const ann = (emoji: string, seconds: number) => ({ sender: 'ann', emoji, at: at(seconds) })

it('keeps the newest of each sender, whichever came first', () => {
  const bob = { ...ann('🎉', 1), sender: 'bob' }
  const both = withReaction([bob], ann('👍', 2))
  expect(both).toEqual([bob, ann('👍', 2)])
  expect(withReaction(both, ann('', 3))).toEqual([bob, ann('', 3)])
  expect(withReaction([ann('', 3)], ann('👍', 2))).toEqual([ann('', 3)])
})

it('says by the same array that nothing is new, also when the same comes twice', () => {
  const kept = [ann('👍', 2)]
  expect(withReaction(kept, ann('🎉', 1))).toBe(kept)
  expect(withReaction(kept, ann('👍', 2))).toBe(kept)
  expect(withReaction(kept, ann('🎉', 2))).toEqual([ann('🎉', 2)])
})
