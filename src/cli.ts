#!/usr/bin/env node
import { enableCompileCache } from 'node:module'
import type { Command } from 'commander'
import { addClientCommands, addSandboxClients } from './cli/commands.ts'
import { clean } from './cli/output.ts'
import { command, createProgram, run } from './cli/program.ts'
import { Trouble, Usage } from './cli/trouble.ts'
import { ConfigError, VERSION } from './config.ts'
import { DatabaseStartError } from './db/start-error.ts'
import { ApiError } from './errors.ts'
import { addOperatorCommands } from './operator/commands.ts'

/** The command line. What each command needs is loaded when it is asked for: a user's commands know no database. */

/** Programs that run until a signal, and end their process themselves. */
function addPrograms(program: Command): Command {
  program.commandsGroup('To run:')
  const forEver = () => new Promise<void>(() => {})
  command(program, 'start', {
    does: 'Run the server, as npm start does. With --json its log is JSON lines.',
    example: 'NODE_ENV=production SECRET_KEY_FILE=secret.key wataki start',
  }).action(() => import('./main.ts').then(forEver))
  return command(program, 'sandbox', {
    does: 'Run the simulated WhatsApp network alone, and print the settings that point a server at it.',
    example: 'wataki sandbox > sandbox.env',
  }).action(() => import('./sandbox/main.ts').then(forEver))
}

async function main(words: string[]): Promise<void> {
  enableCompileCache()
  const program = createProgram(VERSION, { quiet: words.includes('--json') })
  addSandboxClients(addPrograms(program))
  addClientCommands(program)
  addOperatorCommands(program)
  await run(program, words)
}

/** For programs: in the shape that the API's errors have. */
function told(error: unknown): { code: string; message: string; details: object } | null {
  if (error instanceof Trouble || error instanceof ApiError) {
    const { code, message, details } = error
    return { code, message, details }
  }
  const known = error instanceof ConfigError || error instanceof DatabaseStartError
  return known
    ? { code: error instanceof ConfigError ? 'settings' : 'database', message: error.message, details: {} }
    : null
}

/** Of ours. */
const fault = (error: unknown) => ({ code: 'internal_error', message: String(error), details: {} })

const words = process.argv.slice(2)

main(words).then(
  () => process.exit(process.exitCode ?? 0),
  (error: unknown) => {
    const known = told(error)
    if (words.includes('--json')) console.error(JSON.stringify({ error: known ?? fault(error) }))
    else if (known) console.error(clean(`wataki: ${known.message}`))
    else console.error(error)
    process.exit(error instanceof Usage ? 2 : 1)
  },
)
