import { expect, it } from 'vitest'
import { newId } from './ids.ts'

it('makes ids that are unique and rise strictly, within one millisecond too', () => {
  const ids = Array.from({ length: 50_000 }, () => newId('msg'))
  expect(new Set(ids).size).toBe(ids.length)
  expect([...ids].sort()).toEqual(ids)
  for (const id of ids.slice(0, 100)) expect(id).toMatch(/^msg_[0-9a-hjkmnp-tv-z]{26}$/)
})
