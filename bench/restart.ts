/**
 * How long it takes until all instances are connected again after `kill -9`, with nobody scanning: `npm run bench -- restart`.
 * Their phones are linked once, see `support/phones.ts`. RESTARTED (1000) and ROUNDS (3) are environment variables.
 */
import { given, median } from './support/measure.ts'
import { openPhones } from './support/phones.ts'
import { report } from './support/results.ts'

const RESTARTED = given('RESTARTED', 1000)
const ROUNDS = given('ROUNDS', 3)
const GOAL_S = 60

const phones = await openPhones(RESTARTED)
try {
  const readyS: number[] = []
  const wholeS: number[] = []
  await phones.want(RESTARTED)
  let before = await phones.logins()
  let server = await phones.serve()
  await phones.connected(RESTARTED, before)
  for (let round = 0; round < ROUNDS; round++) {
    await server.kill()
    before = await phones.logins()
    const startMs = performance.now()
    server = await phones.serve()
    readyS.push((performance.now() - startMs) / 1000)
    await phones.connected(RESTARTED, before)
    wholeS.push((performance.now() - startMs) / 1000)
  }
  await server.end()
  const seconds = median(wholeS)
  report('restart', [
    {
      instances: RESTARTED,
      'answers after s': Number(median(readyS).toFixed(1)),
      'all connected after s': Number(seconds.toFixed(1)),
      'longest s': Number(Math.max(...wholeS).toFixed(1)),
      goal: `≤ ${GOAL_S} s for 1000`,
      met: seconds <= GOAL_S ? 'yes' : 'no',
    },
  ])
} finally {
  await phones.end()
}
