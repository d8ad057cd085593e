// Does what the README says, in its order, on the product as `npm start` starts it: the blocks marked `sh`.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

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
  const blocks = [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(block => block[1])
  assert.ok(blocks.length >= 6, 'the README lost its blocks')
  const output = await sh(`set -e\n${blocks.join('\necho\n')}\nsleep 1\nkill $!`)
  console.log(output)
  assert.match(output, /"state":"qr_required"/)
  assert.match(output, /"state":"connected"/)
  assert.match(output, /"status":"sent"/)
  assert.match(
    output,
    /"whatsapp_id":"[^"]+".*"content":\{"text":"Hello from Wataki!"\}/,
    'the contact shows the message',
  )
  assert.match(output, /event: next\ndata: .*"text":"Hi there!"/, 'the subscription streams the reply')
  assert.match(output, /"direction":"inbound".*"content":\{"text":"Hi there!"\}/, 'the chat lists the reply')
  assert.match(output, /"type":"image","status":"(pending|sent|delivered|read)"/, 'the file goes out')
  assert.match(output, /^"id":"msg_[0-9a-z]{26}"$/m, 'the same key gives the same message')
  assert.match(output, /"content":\{"text":"Your order is ready"\}/, 'the edit')
  assert.match(output, /"reactions":\[\{"sender":"[^"]+","emoji":"🎉"/, 'the reaction')
  assert.match(output, /"event":"connection.update"/, 'events have their dotted names')
  assert.match(output, /"event":"webhook.test","status":"pending","attempts":1/, 'the test of a webhook is tried')
  assert.match(output, /"replayed":0/, 'nothing has failed for good yet')
  assert.match(output, /"email":"dev@loja.example","plan":"free"/, 'the mailed link signs in')
  assert.match(output, /"api_key":"[0-9a-f]{64}"/, 'the session makes a key')
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
