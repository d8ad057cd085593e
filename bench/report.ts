/** Writes BENCHMARKS.md from the results: `npm run bench -- report`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { GOALS, SHORT } from './support/goals.ts'
import { REASONS } from './support/reasons.ts'
import { RESULTS, type Result } from './support/results.ts'

const head = `# Benchmarks

What the last runs measured. All of it runs with one command on any machine; each bench can be run alone:

\`\`\`
npm run bench -- all          # every bench below, in its short form
npm run bench -- rest-read    # one of them; each says at its top which variables make it longer
npm run bench -- report       # writes this page from bench/results
\`\`\`

The full stack is measured as it is started by \`npm start\`: key check, limiter, log and metrics on, PostgreSQL on the same machine,
and on the same cores those who call. Each figure stands beside a baseline that was measured in turns with it, in the same run:
ratios can be compared between machines, the rest cannot. They are medians of five rounds or more, of three where all instances are
started each time. What is made once and used again (many messages, linked phones) is kept in \`.cache/bench\`, or where \`BENCH_DATA\` says:
the first run makes it, which takes a while. \`MESSAGES=10000000 npm run bench -- rest-list\` and
\`MANY=10000000 npm run bench -- observability\` are the long forms of two.
`

const cell = (value: unknown) => String(value ?? '').replaceAll('|', '\\|')

function table(rows: Result['rows']): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  return [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map(row => line(columns.map(column => cell(row[column])))),
  ].join('\n')
}

/** Null: it has not been run. */
function resultOf(bench: string): Result | null {
  const file = join(RESULTS, `${bench}.json`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Result) : null
}

const found = Object.keys(SHORT).map(bench => ({ bench, goal: GOALS[bench]!, result: resultOf(bench) }))
const verdict = (result: Result | null): string => {
  if (!result) return 'not run'
  const said = result.rows.flatMap(row => (row.met === undefined || row.met === '' ? [] : [row.met]))
  return said.length === 0 ? '–' : said.every(each => each === 'yes') ? 'met' : 'not met'
}
const summary = table(
  found.map(({ bench, goal, result }) => ({
    bench: `[\`${bench}\`](#${bench})`,
    what: goal.what,
    'compared with': goal.against,
    goal: goal.goal,
    verdict: verdict(result),
  })),
)
const sections = found.map(({ bench, goal, result }) => {
  const lines = [`## ${bench}`, `${goal.what}. Goal: ${goal.goal}.`]
  if (result) {
    const { at, machine, rows } = result
    lines.push(table(rows), `${at.slice(0, 10)}, ${machine.cores} cores, ${machine.memory}, Node.js ${machine.node}.`)
  } else lines.push('Not run.')
  if (REASONS[bench]) lines.push(REASONS[bench])
  return lines.join('\n\n')
})
const page = `${[head, summary, ...sections].join('\n\n').replace(/\n{3,}/g, '\n\n')}\n`
writeFileSync(join(import.meta.dirname, '..', 'BENCHMARKS.md'), page)
console.log('BENCHMARKS.md')
