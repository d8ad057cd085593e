import { access, constants, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { paint, show } from '../cli/output.ts'
import { during } from '../cli/progress.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import { checkSmtp } from '../mail/check.ts'
import { controlClient } from '../sandbox/client.ts'
import { openStorage } from '../storage/open.ts'
import * as checks from './checks.ts'
import { type Check, fail, ok, warn } from './checks.ts'
import { databaseChecks } from './doctor-database.ts'
import { keyCheck } from './key-check.ts'

/** Says of each thing that the server needs how it stands, and changes nothing. A fail makes the exit code 1. */
export async function doctor(options: { json?: boolean }): Promise<void> {
  const all = await during(options, 'Looking', look)
  const count = (status: Check['status']) => all.filter(check => check.status === status).length
  const [warned, failed] = [count('warn'), count('fail')]
  show(options.json, { ok: failed === 0, checks: all }, () =>
    [...all.map(lineOf), '', `${count('ok')} ok, ${warned} warnings, ${failed} failed.`].join('\n'),
  )
  if (failed > 0) process.exitCode = 1
}

const STYLES = { ok: 'green', warn: 'yellow', fail: 'red' } as const

const lineOf = ({ name, status, says, fix }: Check): string =>
  `${paint(STYLES[status], status.padEnd(4))}  ${name.padEnd(10)}  ${says}${fix === null ? '' : `\n${' '.repeat(18)}→ ${fix}`}`

async function look(tell: (doing: string) => void): Promise<Check[]> {
  const runtime = checks.node(process.versions.node)
  let config: Config
  try {
    config = readConfig()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return [
      runtime,
      fail('settings', error.message, 'correct it in the environment or in .env; .env.example explains each'),
    ]
  }
  const found = [runtime, ok('settings', config.production ? 'for production' : 'for development'), keyCheck(config)]
  const steps: [string, (config: Config) => Promise<Check[]>][] = [
    ['DATA_DIR', folderChecks],
    ['the database', databaseChecks],
    ['the port', serverChecks],
    ['the store', async () => [await storeCheck(config)]],
    ['mail', async () => [await mailCheck(config)]],
    ['the sandbox', async () => [await sandboxCheck(config)]],
  ]
  for (const [what, step] of steps) {
    tell(`Looking at ${what}`)
    found.push(...(await step(config)))
  }
  return [...found, checks.stripe(config)]
}

async function folderChecks({ dataDir }: Config): Promise<Check[]> {
  // What is not there yet is made in the nearest folder that is.
  let there = dataDir
  while (!(await exists(there))) there = dirname(there)
  const { bavail, bsize } = await statfs(there)
  const space = checks.disk(dataDir, bavail * bsize)
  const writable = await access(there, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (writable)
    return [
      ok('data dir', there === dataDir ? `${dataDir} can be written to` : `${dataDir} is made at the first start`),
      space,
    ]
  const user = process.getuid?.() ?? 'this user'
  return [
    fail(
      'data dir',
      `${there} cannot be written to by ${user}`,
      `chown ${user} ${there}, or set DATA_DIR to another folder`,
    ),
    space,
  ]
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

const ANSWER_MS = 5_000

/** What answers there; null: nothing does. */
const answerOf = (url: string): Promise<Response | null> =>
  fetch(url, { signal: AbortSignal.timeout(ANSWER_MS), redirect: 'manual' }).catch(() => null)

async function serverChecks(config: Config): Promise<Check[]> {
  const { host, port } = config
  const problem = await new Promise<NodeJS.ErrnoException | null>(resolve => {
    const server = createServer()
    server.once('error', resolve).listen(port, host, () => server.close(() => resolve(null)))
  })
  const local = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
  const runs = problem?.code === 'EADDRINUSE' && (await isWataki(local))
  return [await portCheck(config, { problem, runs, local }), await publicUrlCheck(config, runs)]
}

const isWataki = async (url: string): Promise<boolean> =>
  (await answerOf(`${url}/healthz`))?.headers.has('x-request-id') === true

type Seen = { problem: NodeJS.ErrnoException | null; runs: boolean; local: string }

async function portCheck({ port, host }: Config, { problem, runs, local }: Seen): Promise<Check> {
  if (!problem) return ok('port', `${port} is free`)
  if (runs) {
    const ready = await answerOf(`${local}/readyz`)
    if (ready?.ok) return ok('port', `a Wataki serves on ${port}, and is ready`)
    return warn('port', `a Wataki serves on ${port}, and is not ready`, `curl ${local}/readyz says why`)
  }
  if (problem.code === 'EADDRINUSE')
    return fail(
      'port',
      `another program listens on ${port}`,
      `ss -ltnp 'sport = :${port}' names it; or set PORT to another`,
    )
  return fail(
    'port',
    `${host}:${port} cannot be listened on (${problem.code})`,
    'set HOST and PORT to what this user may use',
  )
}

async function publicUrlCheck(config: Config, runs: boolean): Promise<Check> {
  const judged = checks.publicUrl(config)
  if (judged?.status === 'fail' || !runs)
    return judged ?? ok('public url', `${config.publicUrl}; whether it leads here is seen while the server runs`)
  if (await isWataki(config.publicUrl)) return judged ?? ok('public url', `${config.publicUrl} leads to a Wataki`)
  return fail(
    'public url',
    `${config.publicUrl} leads to no Wataki`,
    'set PUBLIC_URL to how the outside names this server, and look at the proxy before it',
  )
}

async function storeCheck(config: Config): Promise<Check> {
  const where = config.mediaBucket
    ? `s3://${config.mediaBucket.bucket}/${config.mediaBucket.prefix}`
    : join(config.dataDir, 'media')
  const storage = await openStorage({ bucket: config.mediaBucket, folder: join(config.dataDir, 'media') })
  try {
    await storage.open('doctor/looks-for-what-is-not-there')
    return ok('media', `are kept in ${where}`)
  } catch (error) {
    const { name, message } = error as Error
    return fail('media', `${where} cannot be read (${name}: ${message})`, 'correct MEDIA_STORAGE and the AWS variables')
  } finally {
    await storage.close()
  }
}

async function mailCheck({ smtp, production }: Config): Promise<Check> {
  if (!smtp) {
    const says = 'there is no mail server: links to sign in are printed to the log'
    return production
      ? warn('mail', says, 'set SMTP_URL; wataki tenant sign-in-link lets people in meanwhile')
      : ok('mail', says)
  }
  const problem = await checkSmtp(smtp.url)
  const { host } = new URL(smtp.url)
  if (problem === null) return ok('mail', `${host} takes mail`)
  return fail(
    'mail',
    `${host} takes no mail (${problem})`,
    'correct SMTP_URL; wataki tenant sign-in-link lets people in meanwhile',
  )
}

async function sandboxCheck(config: Config): Promise<Check> {
  const url = config.sandbox?.controlUrl
  if (!url) return checks.sandbox(config)
  const problem = await controlClient(url, { timeoutMs: ANSWER_MS })
    .network()
    .then(
      () => null,
      (error: Error) => error,
    )
  if (!problem) return checks.sandbox(config)
  return fail('sandbox', 'no sandbox answers at SANDBOX_URL', 'wataki sandbox runs one, and prints its SANDBOX_URL')
}
