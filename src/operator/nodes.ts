import { Usage } from '../cli/trouble.ts'
import { nodes } from '../resolvers/nodes/nodes.ts'
import { setNodeDraining } from '../resolvers/nodes/setNodeDraining.ts'
import { reseal } from '../resolvers/reseal.ts'
import { operating } from './operate.ts'

/** `nodes …` and `secrets …`: each prints one JSON line, as scripts expect. */

export async function listNodes(): Promise<void> {
  const { data } = await operating(app => nodes({ ...app, operator: true, caller: null }))
  const rows = data.map(({ startedAt, beatAt, lagMs, state, instances, ...node }) => ({
    ...node,
    started_at: startedAt,
    beat_at: beatAt,
    lag_ms: lagMs,
    state,
    instances,
  }))
  console.log(JSON.stringify({ data: rows }))
}

export async function setDraining({ id }: { id?: string }, draining: boolean): Promise<void> {
  if (!id) throw new Usage(`nodes ${draining ? 'drain' : 'undrain'} needs --id`)
  const state = await operating(app => setNodeDraining(app, { id, draining }))
  console.log(JSON.stringify({ node_id: id, state }))
}

export async function resealSecrets(): Promise<void> {
  console.log(JSON.stringify(await operating(reseal)))
}
