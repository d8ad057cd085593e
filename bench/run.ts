/**
 * `npm run bench -- NAME` measures, prints a table and keeps it in `results`; `all` does so for all that have a goal, in their
 * short form; `report` writes BENCHMARKS.md. Without a name: what there is.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { SHORT } from './support/goals.ts'

const names = readdirSync(import.meta.dirname)
  .filter(file => file.endsWith('.ts') && file !== 'run.ts')
  .map(file => file.slice(0, -3))
const [name] = process.argv.slice(2)
if (name !== undefined && names.includes(name)) await import(`./${name}.ts`)
else if (name === 'all') await all()
else {
  console.error(`usage: npm run bench -- all | ${names.join(' | ')}`)
  process.exitCode = 1
}

/** One after the other, each in a process of its own. */
async function all(): Promise<void> {
  const startMs = performance.now()
  const failed: string[] = []
  for (const [bench, settings] of Object.entries(SHORT)) {
    if (!names.includes(bench)) continue
    const sinceMs = performance.now()
    console.log(`\n${bench}`)
    const child = spawn(process.execPath, [import.meta.filename, bench], {
      stdio: 'inherit',
      env: { ...process.env, ...settings },
    })
    const [code] = await once(child, 'exit')
    if (code !== 0) failed.push(bench)
    console.log(`${bench}: ${Math.round((performance.now() - sinceMs) / 1000)} s`)
  }
  console.log(`\nall: ${((performance.now() - startMs) / 60_000).toFixed(1)} minutes`)
  if (failed.length > 0) {
    console.error(`failed: ${failed.join(', ')}`)
    process.exitCode = 1
  }
}
