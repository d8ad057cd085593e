import { accountOf } from './account.ts'
import type { Options } from './instances.ts'
import { show, table } from './output.ts'
import { during } from './progress.ts'
import { call, type Json } from './rest.ts'
import { Usage } from './trouble.ts'
import { whichInstance } from './which-instance.ts'

interface WebhookOptions extends Options {
  instance?: string
}

export async function listWebhooks(options: WebhookOptions): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, options.instance)
  const { data } = await call(account, 'GET', `/instances/${id}/webhooks?limit=200`)
  const rows = (data as Json[]).map(each => [each.id, stateOf(each), each.url, each.events.join(',')])
  const none = 'The instance has no webhook. wataki listen brings its events here meanwhile.'
  show(options.json, { data }, () => (data.length === 0 ? none : table(['ID', 'STATE', 'URL', 'EVENTS'], rows)))
}

const stateOf = ({ active, disabled_reason: reason }: Json): string => (active ? 'active' : (reason ?? 'off'))

interface ReplayOptions extends WebhookOptions {
  since?: string
  until?: string
  all?: boolean
}

/** One delivery again, or all that failed for a webhook since a time. */
export async function replay(id: string, options: ReplayOptions): Promise<void> {
  const { since, until, all } = options
  if (id.startsWith('del_') === (since !== undefined) || !/^(del|whk)_/.test(id)) {
    throw new Usage('webhooks replay takes a delivery (del_…), or a webhook (whk_…) with --since')
  }
  const account = accountOf(options)
  const instance = `/instances/${await whichInstance(account, options.instance)}`
  if (since === undefined) {
    const delivery = await call(account, 'POST', `${instance}/deliveries/${id}/replay`)
    return show(
      options.json,
      delivery,
      () => `${id} was sent again: ${delivery.status}${delivery.error ? ` (${delivery.error})` : ''}`,
    )
  }
  const replayed = await during(options, 'Sending again', async tell => {
    let count = 0
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const body = { since, until, ...(all && { include: 'all' }), ...(cursor && { cursor }) }
      const answer = await call(account, 'POST', `${instance}/webhooks/${id}/replay`, { body })
      count += answer.replayed
      tell(`Sending again: ${count}`)
      cursor = answer.next_cursor ?? null
    }
    return count
  })
  show(options.json, { webhook_id: id, replayed }, () => `${replayed} deliveries are sent again.`)
}
