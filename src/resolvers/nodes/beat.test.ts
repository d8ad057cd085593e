import { expect, it } from 'vitest'
import type { App } from '../../context.ts'
import { leaveNodes } from './beat.ts'
import { Node } from './node.ts'

it('a node alone on its database leaves its row, with its last beat, to who comes next', async () => {
  const node = new Node(false)
  const asked: string[] = []
  const query = async (text: string) => void asked.push(text)
  const app = { node, db: { sql: { query } }, relay: { tellAll() {} } } as unknown as App
  await leaveNodes(app)
  node.close()
  expect(asked).toEqual([])
})
