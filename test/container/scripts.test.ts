import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** The scripts of the image, run as they are. */

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wataki-container-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const PRINTS_KEY = ['-e', 'console.log(process.env.SECRET_KEY_FILE ?? "none", process.env.SECRET_KEY ?? "none")']

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function ended(child: ChildProcess): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  child.stdout!.on('data', chunk => (stdout += chunk))
  child.stderr!.on('data', chunk => (stderr += chunk))
  return new Promise(resolve => child.once('close', code => resolve({ code, stdout, stderr })))
}

const start = (script: string, args: string[], variables: Record<string, string> = {}): ChildProcess =>
  spawn('sh', [`docker/${script}`, ...args], { env: { PATH: process.env.PATH, ...variables } })

const enter = (variables: Record<string, string> = {}, args = [process.execPath, ...PRINTS_KEY]): Promise<Ended> =>
  ended(start('entrypoint.sh', args, { DATA_DIR: folder, ...variables }))

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8)

describe('the entrypoint', () => {
  it('makes the secret key once, for its owner alone, and names it to the command', async () => {
    const path = join(folder, 'secret.key')
    const first = await enter()
    expect([first.code, first.stdout]).toEqual([0, `${path} none\n`])
    expect(first.stderr).toContain('Keep a copy')
    const key = await readFile(path, 'utf8')
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    expect(await modeOf(path)).toBe('600')
    const again = await enter()
    expect([again.code, again.stdout, again.stderr]).toEqual([0, `${path} none\n`, ''])
    expect(await readFile(path, 'utf8')).toBe(key)
    expect(await readdir(folder)).toEqual(['secret.key'])
  })

  it('makes one key when several begin at once', async () => {
    const keys = await Promise.all(Array.from({ length: 8 }, () => enter({}, ['cat', join(folder, 'secret.key')])))
    expect(new Set(keys.map(({ stdout }) => stdout)).size).toBe(1)
    expect(keys[0]!.stdout).toMatch(/^[0-9a-f]{64}$/)
    expect(await readdir(folder)).toEqual(['secret.key'])
  })

  it('makes none where one is given, as a value or as a file', async () => {
    expect((await enter({ SECRET_KEY: 'of mine' })).stdout).toBe('none of mine\n')
    expect((await enter({ SECRET_KEY_FILE: '/run/secrets/key' })).stdout).toBe('/run/secrets/key none\n')
    expect(await readdir(folder)).toEqual([])
  })

  it('starts nothing where the key cannot be kept', async () => {
    const { code, stdout } = await enter({ DATA_DIR: join(folder, 'missing') })
    expect([code === 0, stdout]).toEqual([false, ''])
  })

  it('becomes the command: the same process, which gets the signals and whose code is the answer', async () => {
    const waits = 'process.on("SIGTERM", () => process.exit(7)); console.log(process.pid); setTimeout(() => {}, 60_000)'
    const child = start('entrypoint.sh', [process.execPath, '-e', waits], { DATA_DIR: folder })
    const end = ended(child)
    await new Promise(resolve => child.stdout!.once('data', resolve))
    child.kill('SIGTERM')
    expect(await end).toMatchObject({ code: 7, stdout: `${child.pid}\n` })
  })
})

describe('the password of the database', () => {
  it('is made once, for its owner alone, and is the same for PostgreSQL and in the URL', async () => {
    expect(await ended(start('database-password.sh', [folder]))).toEqual({ code: 0, stdout: '', stderr: '' })
    const read = () =>
      Promise.all(['database-password', 'database-url'].map(name => readFile(join(folder, name), 'utf8')))
    const [password, url] = await read()
    expect(password).toMatch(/^[0-9a-f]{64}\n$/)
    expect(url).toBe(`postgres://wataki:${password!.trim()}@postgres:5432/wataki\n`)
    for (const name of await readdir(folder)) expect(await modeOf(join(folder, name)), name).toBe('600')
    await ended(start('database-password.sh', [folder]))
    expect(await read()).toEqual([password, url])
    expect((await readdir(folder)).sort()).toEqual(['database-password', 'database-url'])
  })

  it('is made anew when making it was cut short, since nobody has it yet', async () => {
    await writeFile(join(folder, 'database-password'), 'half')
    await ended(start('database-password.sh', [folder]))
    const password = (await readFile(join(folder, 'database-password'), 'utf8')).trim()
    expect(await readFile(join(folder, 'database-url'), 'utf8')).toContain(`:${password}@`)
  })
})

describe('the health check', () => {
  const check = (variables: Record<string, string>): Promise<Ended> =>
    ended(spawn(process.execPath, ['docker/healthcheck.mjs'], { env: { PATH: process.env.PATH, ...variables } }))

  it('says whether /healthz answers that all is well, wherever the server listens', async () => {
    let status = 200
    const asked: (string | undefined)[] = []
    const server = createServer(({ url }, response) => {
      asked.push(url)
      response.writeHead(status).end()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const PORT = String((server.address() as AddressInfo).port)
    expect(await check({ PORT })).toEqual({ code: 0, stdout: '/healthz: 200\n', stderr: '' })
    expect(await check({ PORT, HOST: '0.0.0.0' })).toMatchObject({ code: 0 })
    expect(await check({ PORT, HOST: '127.0.0.1' })).toMatchObject({ code: 0 })
    status = 500
    expect(await check({ PORT })).toMatchObject({ code: 1, stdout: '/healthz: 500\n' })
    expect(new Set(asked)).toEqual(new Set(['/healthz']))
    await new Promise(resolve => server.close(resolve))
    expect(await check({ PORT })).toMatchObject({ code: 1, stdout: '/healthz: ECONNREFUSED\n' })
  })
})
