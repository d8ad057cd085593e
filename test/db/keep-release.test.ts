import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { keepRelease } from '../../scripts/keep-release.ts'

const repo = mkdtempSync(join(tmpdir(), 'wataki-repo-'))
const kept = join(repo, 'kept')
afterAll(() => rmSync(repo, { recursive: true, force: true }))

const git = (...words: string[]) =>
  execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', '-c', 'commit.gpgsign=false', ...words], {
    cwd: repo,
    stdio: 'pipe',
  })

function release(version: string): void {
  writeFileSync(join(repo, 'package.json'), JSON.stringify({ version }))
  git('add', '.')
  git('commit', '-m', version)
}

it('keeps the sources of one release, as the same bytes each time, in place of the one before', () => {
  git('init', '-q')
  mkdirSync(join(repo, 'src'))
  for (const file of ['src/main.ts', 'tsconfig.json', 'README.md']) writeFileSync(join(repo, file), '{}')
  release('1.0.0')
  const first = readFileSync(keepRelease('HEAD', repo, kept))
  expect(readFileSync(keepRelease('HEAD', repo, kept))).toEqual(first)
  const files = execFileSync('tar', ['-tzf', join(kept, '1.0.0.tar.gz')]).toString()
  expect(files.trim().split('\n').sort()).toEqual(['package.json', 'src/', 'src/main.ts', 'tsconfig.json'])
  release('1.1.0')
  keepRelease('HEAD', repo, kept)
  expect(readdirSync(kept)).toEqual(['1.1.0.tar.gz'])
})
