import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'

/** A folder of what is made once and used again: in BENCH_DATA, else in `.cache/bench` of the project. */
export function benchData(name: string): string {
  const root = process.env.BENCH_DATA ?? join(import.meta.dirname, '..', '..', '.cache', 'bench')
  const dir = join(root, name)
  mkdirSync(dir, { recursive: true })
  // PostgreSQL passes through it under another name than root.
  for (const each of [root, dir]) chmodSync(each, 0o755)
  return dir
}
