#!/usr/bin/env node
// The command line for `npx wataki`: on any Node from 18 on, it sets itself up and runs on the Node that npm brings.
import { spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.env.PATH = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH}`
await import('./setup.mjs')
const words = process.argv.slice(2)
// Of young objects a server keeps many for a moment only: see `npm start`.
const flags = ['start', 'sandbox'].includes(words[0]) ? ['--max-semi-space-size=4'] : []
const child = spawn('node', [...flags, join(root, 'src', 'cli.ts'), ...words], { stdio: 'inherit' })
// Ctrl-C reaches both; what is sent to this process alone goes on to it.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => signal === 'SIGINT' || child.kill(signal))
child.once('error', error => {
  console.error(error.message)
  process.exit(1)
})
child.once('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
