import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { App } from '../../src/context.ts'
import { record } from '../../src/events/record.ts'
import { newId } from '../../src/ids.ts'
import { onOwner } from '../../src/resolvers/nodes/onOwner.ts'
import { until } from '../support/app.ts'
import { type Nodes, openNodes } from '../support/nodes.ts'

/** What one node asks of another that does not hear it, or ends before it has answered. */

let two: Nodes
let one: App
let other: App
let tenantId: string
let instanceId: string
beforeAll(async () => {
  two = await openNodes(2)
  ;[one, other] = two.nodes.map(({ app }) => app) as [App, App]
  tenantId = (await two.tenant()).tenantId
}, 60_000)
afterAll(() => two?.close())
beforeEach(async () => {
  vi.restoreAllMocks()
  instanceId = newId('inst')
  await two.rows(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, $1, false)`, [
    instanceId,
    tenantId,
  ])
})

const heldBy = (owner: string) =>
  two.rows('insert into instance_lease (instance_id, owner, epoch) values ($1, $2, 1)', [instanceId, owner])
const enter = (id: string) =>
  two.rows(
    `insert into node (id, host, process, connections, version, expires_at)
     values ($1, '', '', 'nobody', '', now() + interval '1 hour')`,
    [id],
  )
const leave = (id: string) => two.rows('delete from node where id = $1', [id])
const commands = () => two.rows('select id, taken_at from command where instance_id = $1', [instanceId])
const asked = () => until(commands, found => found.length === 1)
/** Instances that were configured here. */
const configured = (app: App): string[] => {
  const ids: string[] = []
  vi.spyOn(app.whatsapp, 'configure').mockImplementation(id => void ids.push(id))
  return ids
}
const configure = () => onOwner(one, instanceId, 'configure', { autoReconnect: true })

it('is done by the owner though no word of it arrives, and once', { timeout: 30_000 }, async () => {
  const [here, there] = [configured(one), configured(other)]
  await heldBy(other.node.id)
  for (const { relay } of [one, other]) vi.spyOn(relay, 'tellAll').mockImplementation(() => {})
  await configure()
  expect([here, there]).toEqual([[], [instanceId]])
  expect(await commands()).toEqual([])
})

// Whoever waits does so for 40 s where nobody sees that the other is gone.
it('is an error once the node that has begun it is gone: it is not done again', { timeout: 20_000 }, async () => {
  await enter('node_mortal')
  await heldBy('node_mortal')
  const asking = onOwner(one, instanceId, 'askPhone', {} as never).then(
    () => 'done',
    (error: Error) => error.message,
  )
  await asked()
  await two.rows('update command set taken_at = now() where instance_id = $1', [instanceId])
  await leave('node_mortal')
  expect(await asking).toBe('The node that has the instance does not answer: try again')
})

it('is done here when the node that has not begun it is gone', { timeout: 15_000 }, async () => {
  const here = configured(one)
  await enter('node_mortal')
  await heldBy('node_mortal')
  const asking = configure()
  await asked()
  expect(here).toEqual([])
  await leave('node_mortal')
  await asking
  expect(here).toEqual([instanceId])
  expect(await commands()).toEqual([])
})

it('is asked again where the instance has gone meanwhile', { timeout: 30_000 }, async () => {
  const [here, there] = [configured(one), configured(other)]
  await enter('node_mortal')
  await heldBy('node_mortal')
  const asking = configure()
  const [{ id }] = await asked()
  // The next one has it before the first is known to be gone; whoever takes a command sees whose the instance is.
  await two.rows('update instance_lease set owner = $2 where instance_id = $1', [instanceId, one.node.id])
  await two.rows('update command set node_id = $2 where id = $1', [id, other.node.id])
  await asking
  expect([here, there]).toEqual([[instanceId], []])
  await leave('node_mortal')
})

it('events of another node are heard though no word of them arrives', { timeout: 15_000 }, async () => {
  const stream = one.bus.subscribe({ tenantId, instanceId, type: null })
  vi.spyOn(other.relay, 'tell').mockImplementation(() => {})
  const event = await record(other.db.sql, other.clock, {
    type: 'connection.update',
    tenantId,
    instanceId,
    about: instanceId,
    data: { state: 'connecting', last_error: null, updated_at: '2026-01-01T00:00:00.000Z' },
    subject: null,
  })
  other.bus.publish(event)
  const heard = await stream.next()
  expect(heard.value?.id).toBe(event.id)
  await stream.return?.()
})
