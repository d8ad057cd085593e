import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'

export type Row = Record<string, string | number>

export interface Result {
  bench: string
  at: string
  machine: { cores: number; memory: string; node: string }
  rows: Row[]
}

export const RESULTS = join(import.meta.dirname, '..', 'results')

/** Prints the rows, and keeps them in `bench/results/NAME.json`. */
export function report(name: string, rows: Row[]): void {
  const result: Result = {
    bench: name,
    at: new Date().toISOString(),
    machine: {
      cores: availableParallelism(),
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      node: process.version,
    },
    rows,
  }
  console.table(rows)
  mkdirSync(RESULTS, { recursive: true })
  writeFileSync(join(RESULTS, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
