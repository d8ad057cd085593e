import { wantsColour } from '../config.ts'
import { accountOf } from './account.ts'
import type { Options } from './instances.ts'
import { openLive, untilEnded } from './live.ts'
import { clean, showLine } from './output.ts'
import { call, type Json } from './rest.ts'
import { Screen } from './screen.ts'
import { Trouble } from './trouble.ts'
import { standingOf, whichInstance } from './which-instance.ts'

interface ConnectOptions extends Options {
  code?: string
  png?: string
}

/** States in which it is still on its way. */
const UNDER_WAY = ['connecting', 'qr_required', 'reconnecting']
const EVENTS = ['connection_update', 'qr_updated']
const WAITING = 'Waiting for WhatsApp …'

/** Shows the code to scan, and each that takes its place, until the phone is linked. */
export async function connectInstance(named: string | undefined, options: ConnectOptions): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const { seq, state: before } = await standingOf(account, id)
  const screen = new Screen({ ...options, out: process.stdout, colours: wantsColour() })
  const tell = (state: string, more: object = {}) => options.json && showLine({ instance_id: id, state, ...more })
  await untilEnded(async () => {
    // The answer comes with a code, which may take its time: somebody sits there and waits.
    if (process.stdout.isTTY) screen.line(WAITING)
    const body = options.code === undefined ? undefined : { phone_number: options.code }
    const first = await call(account, 'POST', `/instances/${id}/connect`, { body })
    // A code that came just now comes once more, with its end, as an event.
    if (first.qr === null || before === 'qr_required') {
      tell(first.status.state, { qr: first.qr, expires_at: null, pairing_code: first.pairing_code })
    }
    if (isOver(first.status, id)) return screen.end(`${id} is connected.`)
    if (first.pairing_code) screen.pairingCode(first.pairing_code)
    else if (first.qr) screen.code(first.qr, { image: first.qr_image_data_url, expiresAt: null })
    else screen.line(WAITING)
    for await (const { event, data } of openLive(account).events({ instanceId: id, events: EVENTS, seq })) {
      const news = data as Json
      if (event === 'connection_update') {
        if (news.updated_at <= first.status.updated_at) continue
        tell(news.state, { last_error: news.last_error })
        if (isOver(news, id)) return screen.end(`${id} is connected.`)
        if (news.state !== 'qr_required' && !first.pairing_code) screen.line(waitingAfter(news.last_error))
      } else if (options.code === undefined) {
        tell('qr_required', { qr: news.qr, expires_at: news.expires_at, pairing_code: null })
        screen.code(news.qr, { image: news.qr_image_data_url, expiresAt: news.expires_at })
      }
    }
  })
  screen.close()
}

const waitingAfter = (lastError: string | null): string =>
  lastError === null ? WAITING : `Waiting for WhatsApp; the last try: ${clean(lastError)}`

/** True: connected. Throws for what does not go on by itself. */
function isOver({ state, last_error }: { state: string; last_error: string | null }, id: string): boolean {
  if (state === 'connected') return true
  if (UNDER_WAY.includes(state)) return false
  const why = last_error ? `: ${last_error}` : ''
  throw new Trouble(`${id} is ${state}${why}. Run the command again for new codes`, { code: 'instance_not_connected' })
}
