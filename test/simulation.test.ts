import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chance } from './crash/traffic.ts'
import { Model, type Talk } from './simulation-model.ts'
import { type Day, online, stepsOf, unreadCounts } from './simulation-steps.ts'
import { type Caller, connectedInstance, openTestApp, type TestApp } from './support/app.ts'
import { png } from './support/files.ts'
import { exchange, MULTIPART, multipart } from './support/media.ts'

/** SIM_SEED is one day again; SIM_SEEDS and SIM_STEPS make more and longer ones. */
const STEPS = Number(process.env.SIM_STEPS ?? 60)
const DAYS = Number(process.env.SIM_SEEDS ?? 2)
const FRIENDS = ['5511988880001', '5511988880002', '5511988880003']
/** Messages to it are refused. */
const REFUSING = '5511900000010'
/** Days that once went wrong. */
const REGRESSIONS: number[] = []

const given = process.env.SIM_SEED
const seeds = given ? [Number(given)] : [...REGRESSIONS, ...Array.from({ length: DAYS }, () => randomInt(2 ** 31))]

let wataki: TestApp
beforeAll(async () => void (wataki = await openTestApp({ QUOTA: 'on' })), 60_000)
afterAll(() => wataki?.close())

const talk = (contact: string): Talk => ({ contact, refuses: contact === REFUSING, sent: [], said: [] })

async function upload(caller: Caller, path: string): Promise<string> {
  const body = multipart([{ name: 'file', filename: 'a.png', bytes: await png() }])
  const headers = { 'x-api-key': caller.apiKey, ...MULTIPART, 'content-length': String(body.length) }
  const answer = await exchange(`${wataki.url}${path}/media`, {
    method: 'POST',
    headers,
    write: call => call.end(body),
  })
  return answer.body.id
}

async function begin(seed: number): Promise<Day> {
  const caller = await wataki.tenant()
  await wataki.app.db.sql.query(`update tenant set plan = 'scale' where id = $1`, [caller.tenantId])
  const instanceId = await connectedInstance(caller)
  const path = `/v1/instances/${instanceId}`
  const talks = [...FRIENDS, REFUSING].map(talk)
  const model = new Model({ wataki, caller, instanceId, talks })
  const mediaId = await upload(caller, path)
  return { wataki, caller, instanceId, path, model, mediaId, random: chance(seed), words: 0 }
}

describe('a day of sends, faults and restarts, by chance', () => {
  it.each(seeds)(
    'loses nothing, doubles nothing, and its books agree after each step: seed %i',
    async seed => {
      const day = await begin(seed)
      const done: string[] = []
      const replay = () =>
        `SIM_SEED=${seed} SIM_STEPS=${STEPS} npx vitest run test/simulation.test.ts\n${done.join(', ')}`
      try {
        const steps = stepsOf(day.random)
        for (let i = 0; i < STEPS; i++) {
          const { name, step } = steps.next().value
          done.push(name)
          await step(day)
          expect(await day.model.broken()).toEqual([])
        }
        await online(day)
        expect(await day.model.settled()).toEqual([])
        expect(await unreadCounts(day)).toEqual([])
        expect(await day.model.settled()).toEqual([])
      } catch (error) {
        console.log(`simulation: again: ${replay()}`)
        throw error
      }
      console.log(`simulation: seed ${seed}, ${STEPS} steps, ${day.model.figures()}`)
    },
    120_000 + STEPS * 5_000,
  )
})
