import { globSync, readFileSync } from 'node:fs'

/** The code blocks of the guides: what is run, what is compared, and what says of itself that it is not run. */

export type Block = { guide: string; line: number; text: string } & (
  | { kind: 'server' }
  | { kind: 'commands'; claim: Claim | null }
  | { kind: 'file'; name: string }
  | { kind: 'not run'; reason: string }
  | { kind: 'unmarked' }
)

/** What the commands before are said to print. */
export interface Claim {
  language: 'json' | 'text'
  text: string
}

const LANGUAGES = { js: /^\/\/ (\S+\.mjs)\n/, py: /^# (\S+\.py)\n/ }

/** In the order in which docs/README.md lists them, and then what it does not list. */
export function guides(): string[] {
  const listed = [...readFileSync('docs/README.md', 'utf8').matchAll(/^\d+\. \[[^\]]+\]\((\w+\.md)\)/gm)]
  return [...new Set([...listed.map(([, name]) => `docs/${name}`), 'docs/README.md', ...globSync('docs/*.md').sort()])]
}

export function blocksOf(guide: string, source = readFileSync(guide, 'utf8')): Block[] {
  const blocks: Block[] = []
  for (const { 0: whole, 1: fence, 2: text, index } of source.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)) {
    const before = source.slice(0, index)
    const at = { guide, line: before.split('\n').length, text: text! }
    const mark = /(?:^|\n\n)\*Not run by our tests(?: as it stands)?: ([^*]{10,})\*\n\n$/.exec(before)
    const last = blocks.at(-1)
    const isNext = last?.kind === 'commands' && last.claim === null
    if (mark) blocks.push({ ...at, kind: 'not run', reason: mark[1]! })
    else if (fence === 'sh server') blocks.push({ ...at, kind: 'server' })
    else if (fence === 'sh') blocks.push({ ...at, kind: 'commands', claim: null })
    else if (fence === 'js' || fence === 'py') {
      const name = LANGUAGES[fence].exec(at.text)?.[1]
      blocks.push(name ? { ...at, kind: 'file', name } : { ...at, kind: 'unmarked' })
    } else if ((fence === 'json' || fence === 'text') && isNext) last.claim = { language: fence, text: text! }
    else blocks.push({ ...at, kind: 'unmarked' })
    if (!whole.endsWith('\n```')) blocks.push({ ...at, kind: 'unmarked' })
  }
  const fences = source.match(/^\s*(```|~~~)/gm)?.length ?? 0
  const found = [...source.matchAll(/^```([^\n]*)\n(.*?)^```$/gms)].length
  // A block that is indented, or not closed, would be seen by nobody.
  if (fences !== 2 * found) blocks.push({ guide, line: 0, text: source, kind: 'unmarked' })
  return blocks
}

/** What is wrong with what was printed; null: nothing. */
export function differs(claim: Claim, printed: string): string | null {
  if (claim.language === 'text') {
    return pattern(claim.text.trim()).test(printed.trim()) ? null : `claims\n${claim.text}and printed\n${printed}`
  }
  let got: unknown
  try {
    got = JSON.parse(printed)
  } catch {
    return `claims JSON and printed\n${printed}`
  }
  const path = differsAt(JSON.parse(claim.text), got, '$')
  return path === null ? null : `claims other than it printed at ${path}:\n${printed}`
}

const ANY = '…'
const pattern = (text: string): RegExp => new RegExp(`^${text.split(ANY).map(literally).join('[^]*?')}$`)

/** Each character as itself. */
const literally = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** `"…"` as a value is anything, within a text any part of it, and as a key that there is more. */
function differsAt(claimed: unknown, got: unknown, path: string): string | null {
  if (claimed === ANY) return got === undefined ? path : null
  if (typeof claimed === 'string') return typeof got === 'string' && pattern(claimed).test(got) ? null : path
  if (!isObject(claimed)) return claimed === got ? null : path
  if (!isObject(got) || Array.isArray(claimed) !== Array.isArray(got)) return path
  const { [ANY]: more, ...named } = claimed
  const unnamed = Object.keys(got).find(key => !(key in named))
  if (more === undefined && unnamed !== undefined) return `${path}.${unnamed}`
  for (const [key, value] of Object.entries(named)) {
    const found = differsAt(value, got[key], `${path}.${key}`)
    if (found !== null) return found
  }
  return null
}
