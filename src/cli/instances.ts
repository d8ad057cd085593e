import { isCancel, text } from '@clack/prompts'
import { type AccountOptions, accountOf } from './account.ts'
import { paint, show, table } from './output.ts'
import { call, type Json } from './rest.ts'
import { Trouble, Usage } from './trouble.ts'
import { whichInstance } from './which-instance.ts'

export interface Options extends AccountOptions {
  json?: boolean
}

const STYLES: Record<string, 'green' | 'yellow' | 'red'> = { connected: 'green', error: 'red', logged_out: 'red' }
const PAGE_MAX = 200

/** All of them, over as many pages as it takes. */
export async function listInstances(options: Options): Promise<void> {
  const account = accountOf(options)
  const data: Json[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor && `&cursor=${encodeURIComponent(cursor)}`
    const page = await call(account, 'GET', `/instances?limit=${PAGE_MAX}${after}`)
    data.push(...page.data)
    cursor = page.page.next_cursor
  }
  const rows = data.map(each => [
    each.id,
    each.name,
    each.status.state,
    each.phone_number ?? '',
    each.sandbox ? 'sandbox' : '',
  ])
  const none = 'There is no instance yet. wataki instances create NAME makes one.'
  show(options.json, { data }, () => (data.length === 0 ? none : table(['ID', 'NAME', 'STATE', 'PHONE', ''], rows)))
}

export async function createInstance(
  name: string,
  options: Options & { sandbox?: boolean; description?: string },
): Promise<void> {
  const body = { name, description: options.description, ...(options.sandbox && { sandbox: true }) }
  const made = await call(accountOf(options), 'POST', '/instances', { body })
  show(options.json, made, () => `${made.id} is made. wataki instances connect ${made.id} links a phone.`)
}

export async function showInstance(named: string | undefined, options: Options): Promise<void> {
  const account = accountOf(options)
  const found = await call(account, 'GET', `/instances/${await whichInstance(account, named)}`)
  show(options.json, found, () => describe(found))
}

function describe({ id, name, status, phone_number, sandbox, config, created_at }: Json): string {
  const state = paint(STYLES[status.state] ?? 'yellow', status.state)
  const lines = [
    ['id', id],
    ['name', name],
    ['state', `${state} since ${status.updated_at}`],
    ['last error', status.last_error ?? 'none'],
    ['phone', phone_number ?? 'not linked yet'],
    ['lives', sandbox ? 'in the sandbox' : 'at WhatsApp'],
    [
      'settings',
      Object.entries(config)
        .map(([key, value]) => `${key} ${value}`)
        .join(', '),
    ],
    ['made', created_at],
  ]
  return lines.map(([key, value]) => `${key!.padEnd(11)} ${value}`).join('\n')
}

export async function disconnectInstance(named: string | undefined, options: Options): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const status = await call(account, 'POST', `/instances/${id}/disconnect`)
  show(options.json, status, () => `${id} is ${status.state}. The phone stays linked.`)
}

/** Only what is named goes: there is no way back. */
export async function deleteInstance(named: string, options: Options & { yes?: boolean }): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  if (!options.yes) await confirm((await call(account, 'GET', `/instances/${id}`)).name)
  await call(account, 'DELETE', `/instances/${id}`)
  show(options.json, { id, deleted: true }, () => `${id} is deleted, and its phone unlinked.`)
}

async function confirm(name: string): Promise<void> {
  if (!process.stdin.isTTY) throw new Usage('instances delete takes everything of the instance with it: say --yes')
  const message = `All messages of ${name} are deleted, and its phone is unlinked. Type its name to go on`
  const typed = await text({ message, output: process.stderr })
  if (isCancel(typed) || typed !== name) throw new Trouble('nothing was deleted')
}
