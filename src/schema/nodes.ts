import type { NodeRow, NodeState } from '../db/queries/nodes.ts'
import { nodes } from '../resolvers/nodes/nodes.ts'
import { builder } from './builder.ts'
import { routes } from './route.ts'

const rest = routes('Observability')

const State = builder.enumType('NodeState', {
  description: 'Whether a node takes part.',
  values: {
    active: { description: 'It takes instances.' },
    draining: { description: 'It takes none, hands over those that it has, and is not ready.' },
    silent: { description: 'It has not been heard of for the length of its lease: others take its instances.' },
  } satisfies Record<NodeState, { description: string }>,
})

const NodeObject = builder.objectRef<NodeRow>('Node').implement({
  description: 'A server among those on one database.',
  fields: t => ({
    id: t.exposeID('id', { description: '`node_…`, another one after each start.' }),
    host: t.exposeString('host', { description: 'The name of its machine.' }),
    version: t.exposeString('version', { description: 'Of Wataki.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'Since when it takes part.' }),
    beatAt: t.expose('beatAt', { type: 'DateTime', description: 'When it last said that it lives.' }),
    lagMs: t.exposeFloat('lagMs', {
      description: 'How late its event loop was before that, in ms, but for one in a hundred times.',
    }),
    state: t.expose('state', { type: State, description: 'Whether it takes part.' }),
    instances: t.exposeInt('instances', { description: 'How many instances it has.' }),
  }),
})

const NodeList = builder.objectRef<{ data: NodeRow[] }>('NodeList').implement({
  description: 'The nodes, the oldest first.',
  fields: t => ({
    data: t.field({ type: [NodeObject], description: 'All of them.', resolve: list => list.data }),
  }),
})

builder.queryField('nodes', t =>
  t.field({
    type: NodeList,
    description: 'The servers on this database, for their operator only.',
    ...rest.get('/observability/nodes', { operator: true }),
    resolve: (_, _args, ctx) => nodes(ctx),
  }),
)
