import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

test('what is thrown inside the handlers of one socket restarts that instance only, and the process lives on', async () => {
  const file = new URL('faults-process.ts', import.meta.url).pathname
  const { stdout } = await run(process.execPath, [file], { timeout: 25_000 })
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({ restarts: 3, healthyDisturbed: false, sent: 'written' })
  expect(result.crashes).toBeGreaterThanOrEqual(3)
})
