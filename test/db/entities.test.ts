import { expect, it } from 'vitest'
import { testDatabase } from '../support/database.ts'

it('x', async () => {
  const t = performance.now()
  const d = await testDatabase()
  console.log(d.url, performance.now() - t)
  await d.drop()
  expect(1).toBe(1)
})
