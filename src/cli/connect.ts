import { renameSync, writeFileSync } from 'node:fs'
import { systemClock } from '../clock.ts'
import { wantsColour } from '../config.ts'
import { accountOf } from './account.ts'
import type { Options } from './instances.ts'
import { openLive, untilEnded } from './live.ts'
import { clean, paint, say, showLine } from './output.ts'
import { pictureOf } from './qr.ts'
import { call, type Json } from './rest.ts'
import { Trouble } from './trouble.ts'
import { standingOf, whichInstance } from './which-instance.ts'

interface ConnectOptions extends Options {
  code?: string
  png?: string
}

/** States in which it is still on its way. */
const UNDER_WAY = ['connecting', 'qr_required', 'reconnecting']
const EVENTS = ['connection_update', 'qr_updated']

/** Shows the code to scan, and each that takes its place, until the phone is linked. */
export async function connectInstance(named: string | undefined, options: ConnectOptions): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, named)
  const { seq, state: before } = await standingOf(account, id)
  const screen = new Screen(options)
  const tell = (state: string, more: object = {}) => options.json && showLine({ instance_id: id, state, ...more })
  await untilEnded(async () => {
    const body = options.code === undefined ? undefined : { phone_number: options.code }
    const first = await call(account, 'POST', `/instances/${id}/connect`, { body })
    // A code that came just now comes once more, with its end, as an event.
    if (first.qr === null || before === 'qr_required') {
      tell(first.status.state, { qr: first.qr, expires_at: null, pairing_code: first.pairing_code })
    }
    if (isOver(first.status, id)) return screen.end(`${id} is connected.`)
    if (first.pairing_code) screen.pairingCode(first.pairing_code)
    else if (first.qr) screen.code(first.qr, { image: first.qr_image_data_url, expiresAt: null })
    else screen.line('Waiting for WhatsApp …')
    for await (const { event, data } of openLive(account).events({ instanceId: id, events: EVENTS, seq })) {
      const news = data as Json
      if (event === 'connection_update') {
        if (news.updated_at <= first.status.updated_at) continue
        tell(news.state, { last_error: news.last_error })
        if (isOver(news, id)) return screen.end(`${id} is connected.`)
        if (news.state !== 'qr_required' && !first.pairing_code) screen.line('Waiting for WhatsApp …')
      } else if (options.code === undefined) {
        tell('qr_required', { qr: news.qr, expires_at: news.expires_at, pairing_code: null })
        screen.code(news.qr, { image: news.qr_image_data_url, expiresAt: news.expires_at })
      }
    }
  })
  screen.close()
}

/** True: connected. Throws for what does not go on by itself. */
function isOver({ state, last_error }: { state: string; last_error: string | null }, id: string): boolean {
  if (state === 'connected') return true
  if (UNDER_WAY.includes(state)) return false
  const why = last_error ? `: ${last_error}` : ''
  throw new Trouble(`${id} is ${state}${why}. Run the command again for new codes`, { code: 'instance_not_connected' })
}

/** What is on the terminal at the moment: it is drawn over by what comes next. */
class Screen {
  readonly #options: ConnectOptions
  #shownLines = 0
  #shownCode = ''
  #expiry: NodeJS.Timeout | undefined

  constructor(options: ConnectOptions) {
    this.#options = options
  }

  code(code: string, { image, expiresAt }: { image: string; expiresAt: string | null }): void {
    if (this.#options.png) savePng(this.#options.png, image)
    if (this.#options.json) return
    if (code !== this.#shownCode) this.#draw(this.#linesOf(code))
    this.#shownCode = code
    clearTimeout(this.#expiry)
    if (expiresAt === null || !process.stdout.isTTY) return
    // A code that WhatsApp takes no more is not left standing.
    const leftMs = Date.parse(expiresAt) - systemClock.nowMs()
    this.#expiry = setTimeout(
      () => this.#draw(['That code has expired. The next one is on its way …']),
      Math.max(0, leftMs),
    )
  }

  #linesOf(code: string): string[] {
    if (this.#options.png) return [`The code is in ${this.#options.png}; it is replaced as it changes.`]
    const { stdout } = process
    if (!stdout.isTTY) return [code]
    const { lines, rows, columns } = pictureOf(code, wantsColour())
    const steps = 'On the phone: WhatsApp, Linked devices, Link a device.'
    if (stdout.rows > rows + 1 && stdout.columns >= columns) return [...lines, steps]
    return [
      `The window has ${stdout.columns} × ${stdout.rows} characters, and the QR code takes ${columns} × ${rows + 2}. Make it larger, or:`,
      '  --code +55…    gives a code to type on the phone instead',
      '  --png FILE     writes it as a picture',
      `This is what is in it: ${code}`,
    ]
  }

  pairingCode(code: string): void {
    if (this.#options.json) return
    const steps = 'On the phone: WhatsApp, Linked devices, Link a device, Link with phone number instead.'
    this.#draw([`Pairing code: ${paint('bold', clean(code))}`, steps])
  }

  /** Talk, while there is nothing to scan. */
  line(text: string): void {
    clearTimeout(this.#expiry)
    if (this.#options.json) return
    if (process.stdout.isTTY) this.#draw([text])
    else say(text)
  }

  end(text: string): void {
    this.close()
    if (!this.#options.json) this.#draw([paint('green', text)])
  }

  close(): void {
    clearTimeout(this.#expiry)
  }

  #draw(lines: string[]): void {
    const up = process.stdout.isTTY && this.#shownLines > 0 ? `\x1b[${this.#shownLines}A\x1b[J` : ''
    process.stdout.write(`${up}${lines.join('\n')}\n`)
    const width = process.stdout.columns ?? 80
    this.#shownLines = lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(widthOf(line) / width)), 0)
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: our own colours take no room
const widthOf = (line: string): number => line.replace(/\x1b\[[\d;]*m/g, '').length

/** Whole or not at all: a viewer looks at it meanwhile. It links a phone, so it is its user's alone. */
function savePng(path: string, dataUrl: string): void {
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, Buffer.from(dataUrl.slice(dataUrl.indexOf(',') + 1), 'base64'), { mode: 0o600 })
  renameSync(draft, path)
}
