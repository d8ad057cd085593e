import { expect, it } from 'vitest'
import { createLookup } from './resolve.ts'

it('the look-up of a name asks nobody for names that never are', async () => {
  for (const name of ['invalid', 'a.invalid', 'b.INVALID']) {
    await expect(createLookup()(name, AbortSignal.timeout(60_000))).rejects.toThrow('there is no such name')
  }
})
