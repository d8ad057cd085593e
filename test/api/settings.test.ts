import { spawn } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'

let dataDir: string
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'wataki-settings-'))
  await chmod(dataDir, 0o755)
})
afterAll(() => rm(dataDir, { recursive: true, force: true }))

const GOOD_KEY = 'a key of the tests, which is long enough'
const OTHER_KEY = 'the key of before, which is long enough'

interface Ended {
  code: number | null
  stdout: string
  stderr: string
  tookMs: number
}

async function start(variables: Record<string, string>): Promise<Ended> {
  const startMs = performance.now()
  const env = { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: '0', SANDBOX: 'off', ...variables }
  const child = spawn(process.execPath, ['src/main.ts'], { env })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', chunk => (stdout += chunk))
  child.stderr.on('data', chunk => (stderr += chunk))
  const late = setTimeout(() => child.kill('SIGKILL'), 15_000)
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  clearTimeout(late)
  return { code, stdout, stderr, tookMs: performance.now() - startMs }
}

/** Two seconds, on a machine of its own. */
const BUSY_MACHINE_MS = 8000

const production = { NODE_ENV: 'production', SECRET_KEY: GOOD_KEY }
const wrong: [string, Record<string, string>][] = [
  ['SECRET_KEY', { NODE_ENV: 'production' }],
  ['SECRET_KEY', { SECRET_KEY: 'short' }],
  ['SECRET_KEY', { ...production, SECRET_KEY: 'x'.repeat(64) }],
  ['SECRET_KEY', { ...production, SECRET_KEY: 'changeme'.repeat(4).replaceAll('g', 'e').replaceAll('m', 'e') }],
  ['SECRET_KEY_FILE', { NODE_ENV: 'production', SECRET_KEY_FILE: '/nonexistent' }],
  ['SECRET_KEY_FILE', { NODE_ENV: 'production', SECRET_KEY_FILE: '/dev/null' }],
  ['SECRET_KEY_PREVIOUS', { ...production, SECRET_KEY_PREVIOUS: 'short' }],
  ['SECRET_KEY_PREVIOUS_FILE', { ...production, SECRET_KEY_PREVIOUS_FILE: '/nonexistent' }],
  ['OPERATOR_KEY', { OPERATOR_KEY: 'short' }],
  ['OPERATOR_KEY', { OPERATOR_KEY: 'x'.repeat(64) }],
  ['OPERATOR_KEY', { OPERATOR_KEY: 'ein Schlüssel, den kein Header trägt, von 48 Zeichen' }],
  ['OPERATOR_KEY', { ...production, OPERATOR_KEY: GOOD_KEY }],
  ['OPERATOR_KEY', { ...production, SECRET_KEY_PREVIOUS: OTHER_KEY, OPERATOR_KEY: OTHER_KEY }],
  ['OPERATOR_KEY_FILE', { OPERATOR_KEY_FILE: '/nonexistent' }],
  ['OPERATOR_KEY_FILE', { OPERATOR_KEY_FILE: '/dev/null' }],
  ['METRICS_TOKEN', { METRICS_TOKEN: 'short' }],
  ['METRICS_TOKEN', { ...production, METRICS_TOKEN: GOOD_KEY }],
  ['METRICS_TOKEN', { ...production, OPERATOR_KEY: OTHER_KEY, METRICS_TOKEN: OTHER_KEY }],
  ['METRICS_TOKEN_FILE', { METRICS_TOKEN_FILE: '/nonexistent' }],
  ['METRICS_PORT', { METRICS_PORT: '65536' }],
  ['METRICS_PORT', { PORT: '3210', METRICS_PORT: '3210' }],
  ['METRICS_HOST', { METRICS_HOST: '0.0.0.0' }],
  ['STRIPE_WEBHOOK_SECRET', { STRIPE_SECRET_KEY: 'sk_test_1' }],
  ['STRIPE_SECRET_KEY', { STRIPE_API_URL: 'http://127.0.0.1:1' }],
  ['STRIPE_SECRET_KEY', { STRIPE_SECRET_KEY: 'pk_test_1' }],
  ['STRIPE_API_URL', { STRIPE_API_URL: 'http://127.0.0.1:1/v1' }],
  ['STRIPE_PRICE_SCALE', { STRIPE_PRICE_SCALE: ',' }],
  [
    'STRIPE_PRICE_SCALE',
    {
      STRIPE_SECRET_KEY: 'sk_test_1',
      STRIPE_WEBHOOK_SECRET: 'whsec_1',
      STRIPE_PRICE_GROWTH: 'price_1, price_2',
      STRIPE_PRICE_SCALE: 'price_3,price_2',
    },
  ],
  ['PUBLIC_URL', { PUBLIC_URL: 'localhost:3000' }],
  ['PUBLIC_URL', { PUBLIC_URL: 'ftp://x' }],
  ['DATABASE_URL', { DATABASE_URL: 'mysql://x' }],
  ['DATABASE_URL_FILE', { DATABASE_URL_FILE: '/nonexistent' }],
  ['DATABASE_URL_FILE', { DATABASE_URL_FILE: '/dev/null' }],
  ['SMTP_URL', { SMTP_URL: 'mail.example.com' }],
  ['SANDBOX_URL', { SANDBOX_URL: 'x' }],
  ['SANDBOX_QR_SECONDS', { SANDBOX_QR_SECONDS: '0' }],
  ['SANDBOX_QR_SECONDS', { SANDBOX_QR_SECONDS: '1.5' }],
  ['RATE_LIMIT_PER_MINUTE', { RATE_LIMIT_PER_MINUTE: '0' }],
  ['RATE_LIMIT_PER_MINUTE', { RATE_LIMIT_PER_MINUTE: 'many' }],
  ['TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/8, nonsense' }],
  ['TRUST_PROXY', { TRUST_PROXY: '10.0.0.0/33' }],
  ['CORS_ORIGINS', { CORS_ORIGINS: '*' }],
  ['CORS_ORIGINS', { CORS_ORIGINS: 'https://app.example.com/' }],
  ['ALLOW_PGLITE', { ALLOW_PGLITE: 'perhaps' }],
]

async function refused({ name, variables }: { name: string; variables: Record<string, string> }): Promise<void> {
  const { code, stdout, stderr, tookMs } = await start(variables)
  const what = JSON.stringify(variables)
  expect([code, stdout], what).toEqual([1, ''])
  expect(stderr, what).toMatch(new RegExp(`^wataki: ${name}: [^\\n]+\\n$`))
  for (const key of [variables.SECRET_KEY, variables.OPERATOR_KEY, variables.METRICS_TOKEN])
    if (key) expect(stderr).not.toContain(key)
  expect(tookMs).toBeLessThan(BUSY_MACHINE_MS)
}

describe('a start with a wrong setting', () => {
  it('ends at once with 1 and one line that names it', async () => {
    const ends = wrong.map(([name, variables]) => ({ name, variables }))
    while (ends.length > 0) await Promise.all(ends.splice(0, 2).map(refused))
  }, 60_000)

  it('ends at once with 1 and one line when nobody listens at DATABASE_URL', async () => {
    const { code, stderr, tookMs } = await start({ DATABASE_URL: 'postgres://user:secret@127.0.0.1:1/x' })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^wataki: no database answers [^\n]*127\.0\.0\.1:1[^\n]*\n$/),
    ])
    expect(stderr).not.toContain('secret')
    expect(tookMs).toBeLessThan(BUSY_MACHINE_MS)
  })

  it('refuses PGlite in production without consent, and chooses nothing', async () => {
    const engine = join(dataDir, 'engine')
    await writeFile(engine, 'pglite\n')
    const { code, stderr } = await start(production)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^wataki: only PGlite can run here[^\n]*ALLOW_PGLITE[^\n]*\n$/)
    expect(await readFile(engine, 'utf8')).toBe('pglite\n')
    await rm(engine)
  })
})

describe('a secret in a file', () => {
  it('is taken as if it were the value, whatever ends its last line', async () => {
    const names = ['SECRET_KEY', 'DATABASE_URL', 'SMTP_URL'] as const
    const values = [GOOD_KEY, 'postgres://wataki:a%20b@db:5432/wataki', 'smtp://mail:25']
    const files = names.map(name => join(dataDir, name))
    for (const [at, file] of files.entries()) await writeFile(file, `${values[at]}\r\n`, { mode: 0o600 })
    const config = readConfig(Object.fromEntries(names.map((name, at) => [`${name}_FILE`, files[at]])))
    expect([config.secretKey, config.databaseUrl, config.smtp?.url]).toEqual(values)
    expect(config.warnings).toEqual([])
  })

  it('and beside it as a value is refused: which of the two is meant?', async () => {
    const file = join(dataDir, 'good')
    await writeFile(file, GOOD_KEY, { mode: 0o600 })
    const both = { SECRET_KEY: GOOD_KEY, SECRET_KEY_FILE: file }
    expect(() => readConfig(both)).toThrow(/^SECRET_KEY_FILE: is set and so is SECRET_KEY/)
    // As compose files write what is unset.
    expect(readConfig({ ...both, SECRET_KEY: '' }).secretKey).toBe(GOOD_KEY)
  })

  it('that every user of the machine can read is taken with a warning, which the log tells', async () => {
    const file = join(dataDir, 'open')
    await writeFile(file, 'postgres://user:secret@127.0.0.1:1/x')
    await chmod(file, 0o644)
    const { stdout, stderr } = await start({ ...production, DATABASE_URL_FILE: file })
    expect(stdout).toContain('DATABASE_URL_FILE: every user of this machine can read it')
    expect(stdout + stderr).not.toContain('secret@')
    await chmod(file, 0o640)
    expect(readConfig({ DATABASE_URL_FILE: file }).warnings).toEqual([])
  })
})
