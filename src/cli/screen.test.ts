import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import QRCode from 'qrcode'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { pictureOf } from './qr.ts'
import { Screen } from './screen.ts'

/** As long as those of WhatsApp are. */
const CODE = `2@${'kJ8+/aZ1'.repeat(18)},${'b'.repeat(43)}=,${'c'.repeat(43)}=,${'d'.repeat(43)}=`
const NEXT = CODE.replace('kJ8', 'xyz')
const none = { image: '', expiresAt: null }

/** What a terminal shows: it knows what we write, and no more. */
class Terminal {
  isTTY = true
  lines: string[] = []

  readonly columns: number
  readonly rows: number

  constructor(columns: number, rows: number) {
    this.columns = columns
    this.rows = rows
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a terminal reads
    const [, up = '0', rest] = /^(?:\x1b\[(\d+)A\x1b\[J)?([\s\S]*)$/.exec(text)!
    this.lines.splice(this.lines.length - Number(up), Number(up))
    for (const line of rest!.split('\n').slice(0, -1)) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours take no room
      const bare = line.replace(/\x1b\[[\d;]*m/g, '')
      for (let at = 0; at === 0 || at < bare.length; at += this.columns) {
        this.lines.push(bare.slice(at, at + this.columns))
      }
    }
  }
}

/** The modules that a picture has drawn, without its margin. */
function modulesIn(lines: string[], margin: number): number[][] {
  const rows: number[][] = []
  for (const line of lines) {
    const bare = [...line]
    rows.push(bare.map(each => Number('▀█'.includes(each))))
    rows.push(bare.map(each => Number('▄█'.includes(each))))
  }
  const size = rows[0]!.length - 2 * margin
  return rows.slice(margin, margin + size).map(row => row.slice(margin, margin + size))
}

const bareOf = (line: string) => [...line].filter(each => ' ▀▄█'.includes(each)).join('')

describe('the QR code in a terminal', () => {
  it('is the code, module by module, with a margin, black on white whatever the theme is', () => {
    const { lines, rows, columns } = pictureOf(CODE, true)
    const { modules } = QRCode.create(CODE, { errorCorrectionLevel: 'L' })
    const drawn = modulesIn(
      lines.map(line => line.slice(line.lastIndexOf('m', line.length - 5) + 1, -4)),
      2,
    )
    expect(drawn).toEqual(
      Array.from({ length: modules.size }, (_, y) => Array.from({ length: modules.size }, (_, x) => modules.get(y, x))),
    )
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colours are what is looked for
    for (const line of lines) expect(line).toMatch(/^\x1b\[48;5;231m\x1b\[38;5;16m[ ▀▄█]+\x1b\[0m$/)
    expect(columns).toBe(modules.size + 4)
    expect(rows).toBe(Math.ceil(columns / 2))
    expect(bareOf(lines[0]!)).toBe(' '.repeat(columns))
  })

  it('is drawn by its light modules where there are no colours', () => {
    const { lines, columns } = pictureOf(CODE, false)
    expect(lines[0]).toBe('█'.repeat(columns))
    expect(lines.join('')).toMatch(/^[ ▀▄█]+$/)
  })
})

describe('a screen', () => {
  afterEach(() => vi.useRealTimers())

  it('shows one code at a time: each takes the place of the one before, and is not drawn twice', () => {
    const out = new Terminal(100, 50)
    const screen = new Screen({ out, colours: true })
    screen.code(CODE, none)
    const [first, count] = [out.lines.join('\n'), out.lines.length]
    expect(count).toBe(pictureOf(CODE, true).rows + 1)
    screen.code(CODE, none)
    expect(out.lines).toHaveLength(count)
    screen.code(NEXT, none)
    expect(out.lines).toHaveLength(count)
    expect(out.lines.join('\n')).not.toBe(first)
    screen.end('done')
    expect(out.lines).toEqual(['done'])
  })

  it('shows no code past its end', () => {
    vi.useFakeTimers({ now: 1_000_000 })
    const out = new Terminal(100, 50)
    const screen = new Screen({ out, colours: true })
    screen.code(CODE, { image: '', expiresAt: new Date(1_020_000).toISOString() })
    vi.advanceTimersByTime(19_999)
    expect(out.lines.length).toBeGreaterThan(20)
    vi.advanceTimersByTime(1)
    expect(out.lines).toEqual(['That code has expired. The next one is on its way …'])
    screen.code(NEXT, { image: '', expiresAt: new Date(1_040_000).toISOString() })
    expect(out.lines.length).toBeGreaterThan(20)
    screen.end('done')
    vi.advanceTimersByTime(60_000)
    expect(out.lines).toEqual(['done'])
  })

  it('says what else there is where the code does not fit: it is too high, too wide, or both', () => {
    const { rows, columns } = pictureOf(CODE, true)
    for (const [width, height] of [
      [80, 24],
      [columns, rows + 1],
      [columns - 1, rows + 2],
    ] as const) {
      const out = new Terminal(width, height)
      new Screen({ out, colours: true }).code(CODE, none)
      const text = out.lines.join('')
      expect(text).toContain(
        `The window has ${width} × ${height} characters, and the QR code takes ${columns} × ${rows + 2}. `,
      )
      expect(text).toContain('--code +55…')
      expect(text).toContain('--png FILE')
      expect(text).not.toMatch(/[▀▄█]/)
      expect(text).toContain(CODE)
    }
    const out = new Terminal(columns, rows + 2)
    new Screen({ out, colours: true }).code(CODE, none)
    expect(out.lines).toHaveLength(rows + 1)
    expect(out.lines.join('')).toMatch(/[▀▄█]/)
  })

  it('prints the bare code where no terminal is, and a picture where one is asked for', async () => {
    const out = new Terminal(80, 24)
    out.isTTY = false
    const screen = new Screen({ out, colours: true })
    screen.code('a code', none)
    screen.code('another', none)
    expect(out.lines).toEqual(['a code', 'another'])
    const dir = await mkdtemp(join(tmpdir(), 'wataki-png-'))
    const png = join(dir, 'qr.png')
    const image = await QRCode.toDataURL(CODE)
    new Screen({ out, colours: true, png }).code(CODE, { image, expiresAt: null })
    expect((await readFile(png)).subarray(1, 4).toString()).toBe('PNG')
    expect((await stat(png)).mode & 0o777).toBe(0o600)
    await rm(dir, { recursive: true })
  })
})
