import type { App } from '../../context.ts'
import { drainNode, type NodeState } from '../../db/queries/nodes.ts'
import { notFound } from '../../errors.ts'

/** The operator's word on one node, which sees it at its next beat: it takes no instances and hands over those it has. */
export async function setNodeDraining(
  { db }: Pick<App, 'db'>,
  of: { id: string; draining: boolean },
): Promise<NodeState> {
  const state = await drainNode(db.sql, of)
  if (!state) throw notFound('node')
  return state
}
