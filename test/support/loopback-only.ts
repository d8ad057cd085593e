import { afterAll, expect } from 'vitest'
import { refuseOthers } from './loopback.ts'

/** No test, and nothing that it makes the product do, connects to another machine: not even where that is swallowed. */
const outside: string[] = []
const allowAgain = refuseOthers(host => outside.push(host))

afterAll(() => {
  // The next file may run in the same process.
  allowAgain()
  expect(outside, 'who a test would have connected to').toEqual([])
})
