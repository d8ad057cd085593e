import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import QRCode from 'qrcode'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp, until } from '../support/app.ts'
import { home } from './cli.ts'

/** It runs a command on a terminal of its own, with what that shows on stdout: on Debian it is always there. */
const SCRIPT = '/usr/bin/script'
const onTerminals = process.platform === 'linux' && existsSync(SCRIPT)
if (!onTerminals && process.env.CI) throw new Error(`there is no ${SCRIPT} here, and in CI there must be`)
if (!onTerminals) process.stderr.write(`LEFT OUT: commands on a real terminal, because there is no ${SCRIPT} here\n`)

const PROGRAM = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
const WHITE = '\x1b[48;5;231m\x1b[38;5;16m'
const MARGIN = 2

let wataki: TestApp
let acme: Caller
beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
}, 60_000)
afterAll(() => wataki.close())

/** On a terminal of so many rows and columns. */
function onTerminal(words: string[], [rows, columns]: [number, number]) {
  const command = [process.execPath, PROGRAM, ...words].map(word => `'${word}'`).join(' ')
  const { PATH = '', TMPDIR = '' } = process.env
  const child = spawn(SCRIPT, ['-qfec', `stty rows ${rows} cols ${columns}; exec ${command}`, '/dev/null'], {
    env: {
      PATH,
      ...(TMPDIR && { TMPDIR }),
      HOME: home,
      TERM: 'xterm-256color',
      WATAKI_URL: wataki.url,
      WATAKI_API_KEY: acme.apiKey,
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', chunk => (out += chunk))
  const exited = new Promise<number | null>(resolve => child.once('close', resolve))
  return { child, out: () => out, exited }
}

const newInstance = async (): Promise<string> =>
  (await acme.post('/v1/instances', { name: `bot ${Math.random()}`, sandbox: true })).body.id

/** The modules of the last code that was drawn. */
function drawn(out: string): number[][] {
  const lines = out
    .split('\r\n')
    .filter(line => line.includes(WHITE))
    .map(line => [...line.slice(line.indexOf(WHITE) + WHITE.length, line.lastIndexOf('\x1b['))])
  const size = lines[0]!.length
  const all = lines
    .slice(-Math.ceil(size / 2))
    .flatMap(line => [line.map(each => Number('▀█'.includes(each))), line.map(each => Number('▄█'.includes(each)))])
  return all.slice(MARGIN, size - MARGIN).map(row => row.slice(MARGIN, size - MARGIN))
}

describe.skipIf(!onTerminals)('wataki instances connect, on a terminal', () => {
  it('draws the very code that is to be scanned, and ends once it was', async () => {
    const id = await newInstance()
    const { out, exited } = onTerminal(['instances', 'connect', id], [60, 120])
    await until(out, text => text.includes('Linked devices, Link a device.'))
    const { qr } = (await acme.post(`/v1/instances/${id}/connect`)).body
    const { modules } = QRCode.create(qr, { errorCorrectionLevel: 'L' })
    const line = (y: number) => Array.from({ length: modules.size }, (_, x) => modules.get(y, x))
    expect(drawn(out())).toEqual(Array.from({ length: modules.size }, (_, y) => line(y)))
    await acme.post(`/v1/instances/${id}/sandbox/scan`)
    expect(await exited).toBe(0)
    expect(out()).toContain(`${id} is connected.`)
    // What stood there is drawn over.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a terminal reads
    expect(out()).toMatch(/\x1b\[\d+A\x1b\[J/)
  })

  it('says what else there is where the window is too small for it', async () => {
    const id = await newInstance()
    const { child, out, exited } = onTerminal(['instances', 'connect', id], [24, 80])
    await until(out, text => text.includes('This is what is in it: '))
    expect(out()).toContain('The window has 80 × 24 characters')
    expect(out()).toContain('--code +55')
    expect(out()).not.toContain(WHITE)
    // The key that people press.
    child.stdin.write('\x03')
    expect(await exited).toBe(0)
  })
})

describe.skipIf(!onTerminals)('wataki login, on a terminal', () => {
  it('asks for the key, and shows none of it', async () => {
    const { child, out, exited } = onTerminal(['login', '--url', wataki.url], [24, 120])
    await until(out, text => text.includes('API key for'))
    child.stdin.write(`${acme.apiKey}\r`)
    expect(await exited).toBe(0)
    expect(out()).toContain(`Signed in at ${wataki.url}`)
    expect(out()).not.toContain(acme.apiKey.slice(0, 8))
  })
})
