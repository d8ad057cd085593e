import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

/**
 * Packs the sources of the last release for `test/db/migrations.test.ts`, which runs them on the tables of this version:
 * `npm run keep-release -- <commit>`, once a release is out. One is kept; it takes the place of the one before.
 */

const KEPT = ['src', 'package.json', 'tsconfig.json']
const MAX_BYTES = 64 * 1024 * 1024

/** Makes the same bytes of the same commit. Returns the path. */
export function keepRelease(commit: string, repo: string, into: string): string {
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'tar.umask=0022', ...words], { cwd: repo, maxBuffer: MAX_BYTES })
  const { version } = JSON.parse(git('show', `${commit}:package.json`).toString())
  const packed = gzipSync(git('archive', '--format=tar', `${commit}^{commit}`, '--', ...KEPT), { level: 9 })
  // The byte that names the operating system: of unknown kind.
  packed[9] = 255
  mkdirSync(into, { recursive: true })
  for (const name of readdirSync(into)) rmSync(join(into, name))
  const path = join(into, `${version}.tar.gz`)
  writeFileSync(path, packed)
  return path
}

if (import.meta.main) {
  const [commit] = process.argv.slice(2)
  if (!commit) throw new Error('usage: npm run keep-release -- <commit>')
  const root = join(import.meta.dirname, '..')
  process.stdout.write(`${keepRelease(commit, root, join(root, 'test', 'db', 'released'))}\n`)
}
