import { accountOf, textIn } from './account.ts'
import type { Options } from './instances.ts'
import { show } from './output.ts'
import { call } from './rest.ts'
import { Usage } from './trouble.ts'
import { whichInstance } from './which-instance.ts'

/** What the people and phones of the sandbox do for an instance that lives there. */

interface SayOptions extends Options {
  from?: string
  text?: string
  instance?: string
  to?: string
}

/** The virtual phone scans the code that is shown. */
export async function scanQr(named: string | undefined, options: Options): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const status = await call(account, 'POST', `/instances/${id}/sandbox/scan`)
  show(options.json, status, () => `The virtual phone has scanned the code: ${id} is ${status.state}.`)
}

/** A virtual contact writes to the instance. Who and what are named, or stand in this order. */
export async function sayAs(words: string[], options: SayOptions): Promise<void> {
  const { from, text, named } = saidIn(words, options)
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const body = {
    from: from.replace(/[+\s().-]/g, ''),
    type: 'text',
    content: { text: text === '-' ? textIn('the text', '-') : text },
  }
  const sent = await call(account, 'POST', `/instances/${id}/sandbox/messages`, { body })
  show(options.json, sent, () => `${from} has written to ${id}.`)
}

const EXAMPLE = 'wataki sandbox say --from +5511900000002 --text "Is it ready?"'

function saidIn(words: string[], options: SayOptions): { from: string; text: string; named: string | undefined } {
  const left = [...words]
  const from = options.from ?? left.shift()
  const text = options.text ?? left.shift()
  const missing = [
    ...(from === undefined ? ['--from (the phone number of who writes)'] : []),
    ...(text === undefined ? ['--text (what they write)'] : []),
  ]
  if (from === undefined || text === undefined) {
    throw new Usage(`${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing, as in: ${EXAMPLE}`)
  }
  if (!/^\+?[\d\s().-]*\d[\d\s().-]*$/.test(from)) {
    throw new Usage(`--from is the phone number of who writes, and not ${from}, as in: ${EXAMPLE}`)
  }
  if (left.length > 0) throw new Usage(`${left[0]} is too much: --from and --text are there already`)
  if (options.to !== undefined && options.instance !== undefined && options.to !== options.instance) {
    throw new Usage('--to and --instance mean the same: say one of them')
  }
  return { from, text, named: options.to ?? options.instance }
}
