import { createHash } from 'node:crypto'
import { globSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Builds the dashboard when what is built is not of the present sources. `npm start` and `npm test` begin with it. */

const ROOT = join(import.meta.dirname, '..')
const STAMP = join(ROOT, 'dashboard', 'dist', '.built-from')

/** Of all that it is built from. */
function sourcesHash(): string {
  const hash = createHash('sha256')
  const files = globSync('dashboard/**', { cwd: ROOT, exclude: ['dashboard/dist/**'] }).sort()
  for (const file of ['package-lock.json', ...files]) {
    const path = join(ROOT, file)
    if (statSync(path).isFile()) hash.update(file).update(readFileSync(path))
  }
  return hash.digest('hex')
}

function builtFrom(): string | null {
  try {
    return readFileSync(STAMP, 'utf8')
  } catch {
    return null
  }
}

export async function buildDashboard(say: (line: string) => void): Promise<void> {
  const wanted = sourcesHash()
  if (builtFrom() === wanted) return
  const vite = await import('vite').catch(() => null)
  if (!vite) return say('The dashboard is not of the present sources, and what builds it is not installed.')
  say('Building the dashboard (first run, or it changed) …')
  // Vite believes what it finds, and React's form for development is half as big again.
  const { NODE_ENV } = process.env
  process.env.NODE_ENV = 'production'
  try {
    await vite.build({ configFile: join(ROOT, 'dashboard', 'vite.config.ts'), logLevel: 'error' })
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = NODE_ENV
  }
  writeFileSync(STAMP, wanted)
}

if (import.meta.main) {
  try {
    await buildDashboard(line => console.error(line))
  } catch (error) {
    console.error(`The dashboard could not be built; all else works without it: ${(error as Error).message}`)
  }
}
