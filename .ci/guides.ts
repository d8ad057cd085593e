// Does what the guides say, in the order of docs/README.md, on one server that `npm start` starts: each guide in a bash of
// its own, with what Start has exported, and compares what is printed with what they claim.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Block, blocksOf, differs, guides } from '../test/docs/blocks.ts'

const GUIDE_MAX_MS = 300_000
const root = process.cwd()
const place = mkdtempSync(join(tmpdir(), 'wataki-guides-'))
const dataDir = join(place, 'data')
mkdirSync(dataDir)
for (const folder of [place, dataDir]) chmodSync(folder, 0o755)

// The guides are one caller, and faster than a reader; their receivers are on this machine.
const settings = { RATE_LIMIT_PER_MINUTE: '6000', WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32', DATA_DIR: dataDir }
const env: NodeJS.ProcessEnv = { ...process.env, ...settings }
// What a reader's shell does not have.
for (const name of ['KEY', 'API', 'ID', 'WATAKI_API_KEY']) delete env[name]

const only = process.argv.slice(2)
const all = guides().map(guide => ({ guide, blocks: blocksOf(guide) }))
const chosen = all.filter(({ guide }) => guide === 'docs/start.md' || only.length === 0 || only.includes(guide))
const [first, ...others] = all.flatMap(({ blocks }) => blocks).filter(({ kind }) => kind === 'server')
assert.ok(first && others.length === 0, 'one guide starts the server')
assert.equal(first.guide, 'docs/start.md')

const begunMs = Date.now()
const server = spawn('bash', ['-c', `exec ${at(first.text)}`], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
  detached: true,
})
const exited = new Promise<number | null>(resolve => server.once('exit', resolve))
let said = ''
server.stdout.on('data', chunk => {
  said += chunk
})

let ran = 0
let failed = 0
try {
  while (!said.includes('Wataki is running')) {
    assert.ok(Date.now() - begunMs < 120_000 && server.exitCode === null, `npm start did not come up:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  console.log(`guides: the server runs after ${Date.now() - begunMs} ms`)
  for (const { guide, blocks } of chosen) await follow(guide, blocks)
  console.log(`guides: ${ran} blocks run in ${Date.now() - begunMs} ms`)
  assert.equal(failed, 0, `${failed} blocks do not do what their guide says`)
} finally {
  process.kill(-server.pid!, 'SIGTERM')
  await exited
  rmSync(place, { recursive: true, force: true })
}

async function follow(guide: string, blocks: Block[]): Promise<void> {
  const sinceMs = Date.now()
  const commands = blocks.filter(block => block.kind === 'commands')
  if (commands.length === 0) return
  const folder = folderFor(blocks)
  // Between two blocks stands a character that nothing prints. An answer that says no is an error, unless it is claimed.
  const script = commands.map(({ text, claim }) => {
    const curl = /"error"|^4\d\d$/m.test(claim?.text ?? '') ? 'command curl' : 'command curl --fail-with-body'
    return `curl() { ${curl} "$@"; }\n${at(text)}\nprintf '\\x1e'`
  })
  const { code, output, exported } = await bash(folder, script.join('\n'))
  Object.assign(env, exported)
  const printed = output.split('\x1e')
  const reached = printed.length - 1
  for (const [index, { line, claim }] of commands.entries()) {
    if (index > reached || (index === reached && code !== 0)) {
      fail(`${guide}:${line}: ended with ${code}:\n${printed[index] ?? ''}`)
      break
    }
    ran++
    const wrong = claim && differs(claim, printed[index]!)
    if (wrong) fail(`${guide}:${line}: ${wrong}`)
  }
  const leftOut = blocks.filter(({ kind }) => kind === 'not run').length
  const files = blocks.filter(({ kind }) => kind === 'file').length
  const claims = commands.filter(({ claim }) => claim).length
  console.log(
    `${guide}: ${commands.length} blocks of commands, ${files} programs, ${claims} outputs compared, ${leftOut} not run, ${Date.now() - sinceMs} ms`,
  )
}

function fail(message: string): void {
  failed++
  console.error(message)
}

/** A folder in which the commands find Wataki as in its own, and leave nothing there. */
function folderFor(blocks: Block[]): string {
  const folder = mkdtempSync(join(place, 'guide-'))
  for (const name of readdirSync(root)) {
    if (!['data', '.git', '.env'].includes(name)) symlinkSync(join(root, name), join(folder, name))
  }
  for (const block of blocks) if (block.kind === 'file') writeFileSync(join(folder, block.name), block.text)
  return folder
}

/** The text for another port than that of the guides, where one is asked for. */
function at(text: string): string {
  return process.env.PORT ? text.replaceAll('localhost:3000', `localhost:${process.env.PORT}`) : text
}

interface Ended {
  code: number | null
  output: string
  exported: Record<string, string>
}

async function bash(cwd: string, script: string): Promise<Ended> {
  // Its own group: what it leaves in the background goes with it.
  const whole = `set -eo pipefail\n${script}\nenv -0 >&3`
  const shell = spawn('bash', ['-c', whole], { cwd, env, stdio: ['ignore', 'pipe', 'inherit', 'pipe'], detached: true })
  let output = ''
  let variables = ''
  shell.stdout!.on('data', chunk => {
    output += chunk
  })
  shell.stdio[3]!.on('data', (chunk: Buffer) => {
    variables += chunk
  })
  const late = setTimeout(() => process.kill(-shell.pid!, 'SIGKILL'), GUIDE_MAX_MS)
  const code = await new Promise<number | null>(resolve => shell.once('exit', resolve))
  clearTimeout(late)
  try {
    process.kill(-shell.pid!, 'SIGKILL')
  } catch {
    // Nothing was left.
  }
  await new Promise(resolve => setImmediate(resolve))
  const exported = Object.fromEntries(
    variables.split('\0').flatMap(each => {
      const [, name, value] = /^(KEY|API|ID)=(.*)$/s.exec(each) ?? []
      return name ? [[name, value!]] : []
    }),
  )
  return { code, output, exported }
}
