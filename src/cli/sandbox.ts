import { accountOf, textIn } from './account.ts'
import type { Options } from './instances.ts'
import { show } from './output.ts'
import { call } from './rest.ts'
import { whichInstance } from './which-instance.ts'

/** What the people and phones of the sandbox do for an instance that lives there. */

interface SandboxOptions extends Options {
  instance?: string
}

/** The virtual phone scans the code that is shown. */
export async function scanQr(named: string | undefined, options: Options): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const status = await call(account, 'POST', `/instances/${id}/sandbox/scan`)
  show(options.json, status, () => `The virtual phone has scanned the code: ${id} is ${status.state}.`)
}

/** A virtual contact writes to the instance. */
export async function sayAs(from: string, text: string, options: SandboxOptions): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, options.instance)
  const body = {
    from: from.replace(/[+\s().-]/g, ''),
    type: 'text',
    content: { text: text === '-' ? textIn('the text', '-') : text },
  }
  const sent = await call(account, 'POST', `/instances/${id}/sandbox/messages`, { body })
  show(options.json, sent, () => `${from} has written to ${id}.`)
}
