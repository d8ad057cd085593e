/** What the checks of chaos have in common: how much of it, by which seed, and how they tell what came of it. */
import { randomInt } from 'node:crypto'
import { chance } from '../crash/traffic.ts'

const LONG = process.env.CHAOS === 'long'

/** The long form is run by hand (CHAOS=long), the short one by CI. */
export const form = <T>(short: T, long: T): T => (LONG ? long : short)

export const SEED = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31))
export const PRELOAD = 'test/chaos/kill-at.ts'

export const random = chance(SEED)
export const between = (least: number, most: number): number => least + random() * (most - least)
export const wholeBetween = (least: number, most: number): number => Math.floor(between(least, most + 1))

/** One line of figures, and the command that does the same again. */
export function report(file: string, what: string, figures: Record<string, unknown>): void {
  const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`)
  const replay = `${LONG ? 'CHAOS=long ' : ''}CHAOS_SEED=${SEED} npm run test:chaos -- test/chaos/${file}`
  console.log(`chaos ${what}: ${told.join(', ')}\n  again: ${replay}`)
}

/** `least-most ms` of all starts but the first, which makes the database. */
export function readyIn(readyMs: number[]): string {
  const restarts = readyMs.slice(1).map(Math.round)
  return restarts.length === 0 ? '-' : `${Math.min(...restarts)}-${Math.max(...restarts)} ms`
}
