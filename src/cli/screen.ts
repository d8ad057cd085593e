import { renameSync, writeFileSync } from 'node:fs'
import { systemClock } from '../clock.ts'
import { clean, paint, say } from './output.ts'
import { pictureOf } from './qr.ts'

export interface ScreenOptions {
  /** Where it is drawn. Its size is asked each time: windows change. */
  out: { isTTY?: boolean; rows?: number; columns?: number; write(text: string): unknown }
  colours: boolean
  /** Programs read along: nothing is drawn. */
  json?: boolean
  /** Where the code goes as a picture instead. */
  png?: string
}

/** What is on the terminal at the moment: it is drawn over by what comes next. */
export class Screen {
  readonly #options: ScreenOptions
  #shownLines = 0
  #shownCode = ''
  #expiry: NodeJS.Timeout | undefined

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  code(code: string, { image, expiresAt }: { image: string; expiresAt: string | null }): void {
    if (this.#options.png) savePng(this.#options.png, image)
    if (this.#options.json) return
    if (code !== this.#shownCode) this.#draw(this.#linesOf(code))
    this.#shownCode = code
    clearTimeout(this.#expiry)
    if (expiresAt === null || !this.#options.out.isTTY) return
    // A code that WhatsApp takes no more is not left standing.
    const leftMs = Date.parse(expiresAt) - systemClock.nowMs()
    this.#expiry = setTimeout(
      () => this.line('That code has expired. The next one is on its way …'),
      Math.max(0, leftMs),
    )
  }

  #linesOf(code: string): string[] {
    if (this.#options.png) return [`The code is in ${this.#options.png}; it is replaced as it changes.`]
    const { out, colours } = this.#options
    if (!out.isTTY) return [code]
    const { lines, rows, columns } = pictureOf(code, colours)
    const steps = 'On the phone: WhatsApp, Linked devices, Link a device.'
    const [height, width] = [out.rows ?? 24, out.columns ?? 80]
    if (height > rows + 1 && width >= columns) return [...lines, steps]
    return [
      `The window has ${width} × ${height} characters, and the QR code takes ${columns} × ${rows + 2}. Make it larger, or:`,
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
    this.#shownCode = ''
    if (this.#options.json) return
    if (this.#options.out.isTTY) this.#draw([text])
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
    const up = this.#options.out.isTTY && this.#shownLines > 0 ? `\x1b[${this.#shownLines}A\x1b[J` : ''
    this.#options.out.write(`${up}${lines.join('\n')}\n`)
    const width = this.#options.out.columns ?? 80
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
