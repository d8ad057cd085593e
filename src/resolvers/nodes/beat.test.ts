import { expect, it } from 'vitest'
import type { App } from '../../context.ts'
import { leaveNodes } from './beat.ts'
import { Node } from './node.ts'

it('a node alone on its database beats once more before it leaves, as what it has is connected until then', async () => {
  const node = new Node(false)
  const asked: (string | undefined)[] = []
  const query = async (_text: string, _params: unknown[], name?: string) => {
    asked.push(name)
    return []
  }
  const app = { node, db: { sql: { query } }, relay: { tellAll() {} } } as unknown as App
  await leaveNodes(app)
  node.close()
  expect(asked).toEqual(['beat-node', 'remove-node'])
})
