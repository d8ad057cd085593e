import { assertOperator, type Context } from '../../context.ts'
import { listNodes, type NodeRow } from '../../db/queries/nodes.ts'

/** The servers on this database. */
export async function nodes(ctx: Pick<Context, 'db' | 'operator' | 'caller'>): Promise<{ data: NodeRow[] }> {
  assertOperator(ctx)
  return { data: await listNodes(ctx.db.sql) }
}
