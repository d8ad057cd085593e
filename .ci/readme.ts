// Does what the README says, in its order, on the product as `npm start` starts it: the blocks marked `sh`. What is printed is
// compared with what the blocks after them claim.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { blocksOf, differs } from '../test/docs/blocks.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'wataki-readme-'))
chmodSync(dataDir, 0o755)
const env = { ...process.env, DATA_DIR: dataDir }
const begunMs = Date.now()
const server = spawn('npm', ['start'], { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
const exited = new Promise<number | null>(resolve => server.once('exit', resolve))
let said = ''
server.stdout.on('data', chunk => {
  said += chunk
})

try {
  while (!said.includes('Wataki is running')) {
    assert.ok(Date.now() - begunMs < 60_000 && server.exitCode === null, `npm start did not come up:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  console.log(`npm start: running after ${Date.now() - begunMs} ms`)
  const commands = blocksOf('README.md').filter(block => block.kind === 'commands')
  const claimed = commands.filter(({ claim }) => claim !== null)
  assert.ok(commands.length >= 6 && claimed.length >= 5, 'the README lost its blocks')
  // Between two blocks stands a character that nothing prints.
  const printed = (await sh(`set -e\n${commands.map(({ text }) => `${text}\nprintf '\\x1e'`).join('\n')}`)).split(
    '\x1e',
  )
  for (const [index, { line, claim }] of commands.entries()) {
    console.log(printed[index])
    const wrong = claim && differs(claim, printed[index]!)
    assert.ok(!wrong, `README.md:${line}: ${wrong}`)
  }
  console.log(`README: all of it works, ${Date.now() - begunMs} ms from npm start to the reply`)
} finally {
  process.kill(-server.pid!, 'SIGTERM')
  const code = await exited
  rmSync(dataDir, { recursive: true, force: true })
  console.log(`npm start: ended with ${code} on SIGTERM`)
}

function sh(script: string): Promise<string> {
  const shell = spawn('bash', ['-c', script], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  shell.stdout.on('data', chunk => {
    output += chunk
  })
  const late = setTimeout(() => shell.kill('SIGKILL'), 60_000)
  return new Promise((resolve, reject) => {
    shell.once('close', code => {
      clearTimeout(late)
      if (code === 0) resolve(output)
      else reject(new Error(`the README's commands ended with ${code}:\n${output}`))
    })
  })
}
