import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { until } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

const run = promisify(execFile)
// Some commands in a row, each of which starts PostgreSQL.
vi.setConfig({ testTimeout: 180_000 })
let dataDir: string
let database: TestDatabase
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  database = await testDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'wataki-cli-'))
  await chmod(dataDir, 0o755)
  env = { ...process.env, DATA_DIR: dataDir, PORT: '0', SANDBOX: 'off', NODE_ENV: 'development' }
})
afterAll(async () => {
  await database?.drop()
  await rm(dataDir, { recursive: true, force: true })
})

/** For commands of which it is no matter whose database they work on: their own has to start for each of them. */
function onRunningDatabase(): void {
  let own: NodeJS.ProcessEnv
  beforeAll(() => {
    own = env
    env = { ...env, DATABASE_URL: database.url }
  })
  afterAll(() => void (env = own))
}

const cli = (...words: string[]) => run(process.execPath, ['src/cli.ts', ...words], { env })
const create = async (email: string) =>
  JSON.parse((await cli('tenant', 'create', '--name', 'Acme', '--email', email)).stdout)
const tenant = { tenant_id: expect.stringMatching(/^ten_/), api_key: expect.stringMatching(/^[0-9a-f]{64}$/) }

describe('wataki tenant create', () => {
  it('prints one JSON line with tenant and key while no server runs', async () => {
    const { stdout } = await cli('tenant', 'create', '--name', 'Acme', '--email', 'down@acme.com')
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toEqual(tenant)
  })

  it('works while the server runs, and its key opens the door at once', async () => {
    const server = spawn(process.execPath, ['src/main.ts'], { env: { ...env, LOG_LEVEL: 'info' } })
    const ended = new Promise<number | null>(resolve => server.once('exit', resolve))
    try {
      let said = ''
      server.stdout.on('data', chunk => {
        said += chunk
      })
      const url = await until(
        () => /listening.*?(http:\/\/[\d.]+:\d+)/s.exec(said)?.[1] ?? '',
        found => found !== '',
      )
      const created = await create('up@acme.com')
      expect(created).toEqual(tenant)
      const answer = await fetch(`${url}/v1/instances`, { headers: { 'x-api-key': created.api_key } })
      expect(answer.status).toBe(200)
    } finally {
      server.kill('SIGTERM')
      expect(await ended).toBe(0)
    }
  })

  it('refuses a known address and names what is wrong or missing, in one line on stderr', async () => {
    await create('twice@acme.com')
    await expect(create('twice@acme.com')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(
        /^[^\n]* already exists: make a key [^\n]*sign-in-link --email twice@acme\.com [^\n]*\n$/,
      ),
    })
    await expect(create('no address')).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining('email') })
    await expect(cli('tenant', 'create')).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('--name') })
    await expect(cli('nonsense')).rejects.toMatchObject({
      code: 2,
      stderr: "wataki: unknown command 'nonsense'\n",
    })
  })
})

describe('wataki tenant suspend, activate and sign-in-link', () => {
  onRunningDatabase()

  it('say what a tenant is by then, and give a link that works once', async () => {
    const { tenant_id } = await create('status@acme.com')
    const status = async (...words: string[]) => JSON.parse((await cli('tenant', ...words)).stdout)
    expect(await status('suspend', '--email', 'Status@Acme.com')).toEqual({ tenant_id, status: 'suspended' })
    await expect(cli('tenant', 'sign-in-link', '--email', 'status@acme.com')).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not active'),
    })
    expect(await status('activate', '--id', tenant_id)).toEqual({ tenant_id, status: 'active' })
    const { stdout } = await cli('tenant', 'sign-in-link', '--email', 'status@acme.com')
    expect(stdout).toMatch(/^http:\/\/localhost:\d+\/auth\/verify#token=[\w-]{43}\n$/)
  })

  it('refuse an unknown tenant, and more or less than one name for it', async () => {
    for (const [words, says, code = 1] of [
      [['suspend', '--email', 'nobody@acme.com'], 'not found'],
      [['suspend', '--email', 'no address'], 'not found'],
      [['activate', '--id', 'ten_x', '--email', 'a@b.co'], 'either --id or --email', 2],
      [['suspend'], 'either --id or --email', 2],
      [['sign-in-link'], 'needs --email', 2],
      [['sign-in-link', '--email', 'nobody@acme.com'], 'not found'],
    ] as const) {
      await expect(cli('tenant', ...words), words.join(' ')).rejects.toMatchObject({
        code,
        stderr: expect.stringContaining(says),
      })
    }
  })
})

describe('wataki tenant plan', () => {
  onRunningDatabase()

  it('says which plan a tenant has by then, and refuses a plan that there is not, and more or less than one name', async () => {
    const { tenant_id } = await create('plan@acme.com')
    const plan = async (...words: string[]) => JSON.parse((await cli('tenant', 'plan', ...words)).stdout)
    expect(await plan('--email', 'Plan@Acme.com', '--plan', 'growth')).toEqual({ tenant_id, plan: 'growth' })
    expect(await plan('--id', tenant_id, '--plan', 'free')).toEqual({ tenant_id, plan: 'free' })
    for (const [words, says, code = 1] of [
      [['--id', tenant_id, '--plan', 'gold'], 'plan must be one of free, growth, scale'],
      [['--id', tenant_id], 'needs --plan', 2],
      [['--plan', 'free'], 'either --id or --email', 2],
      [['--email', 'nobody@acme.com', '--plan', 'free'], 'not found'],
    ] as const) {
      const refused = cli('tenant', 'plan', ...words)
      await expect(refused, words.join(' ')).rejects.toMatchObject({ code, stderr: expect.stringContaining(says) })
    }
  })
})

describe('wataki nodes', () => {
  it('prints an empty list while no server runs', async () => {
    expect((await cli('nodes')).stdout).toBe('{"data":[]}\n')
  })
})

describe('wataki secrets reseal', () => {
  it('says how many rows of each table it has brought under the present key, while no server runs', async () => {
    const { stdout } = await cli('secrets', 'reseal')
    const none = { credential: 0, signal_key: 0, inbox: 0, message: 0, media: 0, webhook: 0, first_answer: 0, mail: 0 }
    expect(JSON.parse(stdout)).toEqual({ resealed: none, unopened: {} })
  })
})

describe('a wrong setting', () => {
  it('stops the start with one line that names it', async () => {
    for (const [name, value] of [
      ['PORT', 'eighty'],
      ['DATABASE_URL', 'mysql://x'],
      ['WHATSAPP_ROOT_KEY', 'short'],
      ['SECRET_KEY', 'short'],
      ['OPERATOR_KEY', 'short'],
      ['SANDBOX', 'maybe'],
      ['SMTP_URL', 'http://localhost:25'],
      ['MAIL_FROM', 'nobody'],
    ] as const) {
      const start = run(process.execPath, ['src/main.ts'], { env: { ...env, [name]: value } })
      await expect(start, name).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`^wataki: ${name}: .*\n$`)),
      })
    }
    const half = run(process.execPath, ['src/main.ts'], { env: { ...env, WHATSAPP_WS_URL: 'ws://127.0.0.1:1/ws' } })
    await expect(half).rejects.toMatchObject({ stderr: expect.stringMatching(/^wataki: WHATSAPP_MEDIA_URL: .*\n$/) })
    const nobody = run(process.execPath, ['src/main.ts'], {
      env: { ...env, SANDBOX: 'on', SANDBOX_URL: 'http://127.0.0.1:1/x' },
    })
    await expect(nobody).rejects.toMatchObject({ stderr: expect.stringMatching(/^wataki: SANDBOX_URL: .*\n$/) })
    const production = run(process.execPath, ['src/main.ts'], { env: { ...env, NODE_ENV: 'production' } })
    await expect(production).rejects.toMatchObject({ stderr: expect.stringMatching(/^wataki: SECRET_KEY: .*\n$/) })
  })
})
