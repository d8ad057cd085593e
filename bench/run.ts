// `npm run bench -- NAME`: measures, and prints a table. Without a name: what there is.
import { readdirSync } from 'node:fs'

const names = readdirSync(import.meta.dirname)
  .filter(file => file.endsWith('.ts') && file !== 'run.ts')
  .map(file => file.slice(0, -3))
const [name] = process.argv.slice(2)
if (name !== undefined && names.includes(name)) await import(`./${name}.ts`)
else {
  console.error(`usage: npm run bench -- ${names.join(' | ')}`)
  process.exitCode = 1
}
