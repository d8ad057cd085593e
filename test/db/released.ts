/** The last release, as `scripts/keep-release.ts` keeps it. */
import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

const ROOT = join(import.meta.dirname, '..', '..')
const KEPT = globSync('*.tar.gz', { cwd: join(import.meta.dirname, 'released') })

export const RELEASE = basename(KEPT[0]!, '.tar.gz')

/** Into a folder of nobody else; the packages are those of this version. */
export function unpackRelease(into: string): void {
  execFileSync('tar', ['-xzf', join(import.meta.dirname, 'released', KEPT[0]!), '-C', into])
  symlinkSync(join(ROOT, 'node_modules'), join(into, 'node_modules'))
}

/** Its migrations and what they say, without comments; of this version when no folder is given. */
export function migrationsIn(root = ROOT): Record<string, string> {
  const folder = join(root, 'src', 'db', 'migrations')
  const read = (file: string) => readFileSync(join(folder, file), 'utf8').replace(/^\s*\/\/.*\n/gm, '')
  return Object.fromEntries(globSync('m[0-9]*.ts', { cwd: folder }).map(file => [file, read(file)]))
}
