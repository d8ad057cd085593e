import { pino } from 'pino'
import { expect, it } from 'vitest'
import type { App } from '../../context.ts'
import type { SharedFigures as Row } from '../../db/queries/shared-figures.ts'
import { SharedFigures } from './shared-figures.ts'

const NOTHING = { count: 0, oldestSeconds: null }
const row: Row = {
  instances: { connected: 2 },
  nodes: null,
  connected: NOTHING,
  unconnected: NOTHING,
  deliveries: { count: 1, oldestSeconds: 3 },
  letters: NOTHING,
  media: NOTHING,
}

/** A database that answers when it is told to. */
function database() {
  const asked: PromiseWithResolvers<Row>[] = []
  const transaction = () => {
    const answer = Promise.withResolvers<Row>()
    asked.push(answer)
    return answer.promise
  }
  const app = { db: { transaction }, log: pino({ level: 'silent' }) } as unknown as App
  return { figures: new SharedFigures(app), asked }
}

it('is asked once by all who ask at once, and again only when the answer is old', async () => {
  const { figures, asked } = database()
  const all = Promise.all([figures.present(), figures.present(), figures.present()])
  expect(asked).toHaveLength(1)
  asked[0]!.resolve(row)
  const [first, ...others] = await all
  expect(first).toMatchObject({ instances: { connected: 2 }, nodes: {}, deliveries: { count: 1, oldestSeconds: 3 } })
  for (const other of others) expect(other).toBe(first)
  expect(await figures.present()).toBe(first)
  expect(asked).toHaveLength(1)
})

it('that never answers is waited for once, and not asked a second time meanwhile; a late answer counts', async () => {
  const { figures, asked } = database()
  expect(await figures.present()).toBeNull()
  expect(await Promise.all(Array.from({ length: 100 }, () => figures.present()))).toEqual(Array(100).fill(null))
  expect(asked).toHaveLength(1)
  asked[0]!.resolve(row)
  await asked[0]!.promise
  expect(await figures.present()).toMatchObject({ instances: { connected: 2 } })
})

it('that refuses is asked again by the next', async () => {
  const { figures, asked } = database()
  const refused = figures.present()
  asked[0]!.reject(new Error('away'))
  expect(await refused).toBeNull()
  const answered = figures.present()
  asked[1]!.resolve(row)
  expect(await answered).toMatchObject({ instances: { connected: 2 } })
})
