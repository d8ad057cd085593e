import { afterAll, beforeAll, expect, it } from 'vitest'
import { startSession } from '../../src/resolvers/instances/startSession.ts'
import { until } from '../support/app.ts'
import { type Nodes, openNodes } from '../support/nodes.ts'

let two: Nodes
beforeAll(async () => {
  two = await openNodes(2)
}, 60_000)
afterAll(() => two?.close())

it.each([
  'remove-node',
  'insert-node',
])('a node that others have buried begins anew once, however long the database takes for it: %s', {
  timeout: 60_000,
}, async slow => {
  const { app } = two.nodes[1]!
  const { query } = app.db.sql
  const ids = new Set([app.node.id])
  let entered = 0
  app.db.sql.query = async (text, params, name) => {
    if (name === 'insert-node') {
      entered++
      ids.add(app.node.id)
    }
    // Longer than the clock waits between two beats.
    if (name === slow) await new Promise(resolve => setTimeout(resolve, 1_500))
    return query(text, params, name)
  }
  await two.rows('delete from node where id = $1', [app.node.id])
  const beats = async () => {
    const [row] = await two.rows('select beats::int from node where id = $1', [app.node.id])
    return row?.beats ?? 0
  }
  await until(beats, count => count >= 4)
  app.db.sql.query = query
  expect(entered).toBe(1)
  expect(ids.size).toBe(2)
  expect(app.node.fenced).toBe(false)
})

it('what it had taken before it begins anew, it does not start afterwards', { timeout: 60_000 }, async () => {
  const { app } = two.nodes[1]!
  const { tenantId } = await two.tenant()
  await two.rows(
    `insert into instance (id, tenant_id, name, state, sandbox) values ('inst_late', $1, 'late', 'disconnected', false)`,
    [tenantId],
  )
  const started: string[] = []
  app.whatsapp.start = id => void started.push(id)
  const { query } = app.db.sql
  const before = app.node.id
  app.db.sql.query = async <R extends object>(...statement: Parameters<typeof query>) => {
    const rows = await query<R>(...statement)
    if (statement[2] !== 'find-runnable') return rows
    await two.rows('delete from node where id = $1', [before])
    await until(
      async () => app.node.id !== before && app.node.holds,
      isAnew => isAnew,
    )
    return rows
  }
  await expect(startSession(app, 'inst_late')).rejects.toThrow('not in touch')
  app.db.sql.query = query
  expect(started).toEqual([])
})
