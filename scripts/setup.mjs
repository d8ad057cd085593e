// Installs exactly the lockfile when node_modules does not match it. Runs on any Node from 18 on, with no
// dependency: it is what makes `npm start` and `npm test` work on a fresh clone. With `dashboard` that is built, too.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stamp = join(root, 'node_modules', '.wataki-lock')
const want = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(process.platform + process.arch)
  .digest('hex')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== want) {
  console.error('Installing dependencies (first run, or the lockfile changed) …')
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const [command, ...first] = npm
  const run = spawnSync(command, [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  })
  if (run.status !== 0) process.exit(run.status ?? 1)
  writeFileSync(stamp, want)
}

// npm puts node_modules/.bin first in PATH, so the script after this one runs on the Node found there.
const version = execFileSync('node', ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()
if (Number(version.split('.')[0]) < 24) {
  console.error(`Wataki runs on Node 24 or newer, and this is ${version}. There is no bundled build for`)
  console.error(`${process.platform}-${process.arch}: install Node 24 and run the command again.`)
  process.exit(1)
}

if (process.argv[2] === 'dashboard') {
  execFileSync('node', [join(root, 'scripts', 'build-dashboard.ts')], { cwd: root, stdio: ['ignore', 2, 2] })
}
