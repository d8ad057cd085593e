import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addClientCommands, addSandboxClients } from '../../src/cli/commands.ts'
import { command, createProgram, run as runProgram } from '../../src/cli/program.ts'
import { Usage } from '../../src/cli/trouble.ts'
import { addOperatorCommands } from '../../src/operator/commands.ts'
import { errorOf, home, run } from './cli.ts'

function grammar(): Command {
  const program = createProgram('0.0.0', { quiet: true })
  addSandboxClients(command(program, 'sandbox', { does: 'Run it.', example: 'wataki sandbox' }))
  addClientCommands(program)
  addOperatorCommands(program)
  return program
}

/** Those that do something, by their whole names. */
function commandsOf(parent: Command, before: string[] = []): { words: string[]; made: Command }[] {
  return parent.commands
    .filter(made => made.name() !== 'help')
    .flatMap(made => {
      const words = [...before, made.name()]
      const acts = made.options.some(option => option.long === '--json')
      return [...(acts ? [{ words, made }] : []), ...commandsOf(made, words)]
    })
}

describe('every command', () => {
  it('has a help text with an example of itself, and --json', () => {
    const all = commandsOf(grammar())
    expect(all.length).toBeGreaterThanOrEqual(28)
    for (const { words, made } of all) {
      let help = ''
      made.configureOutput({ writeOut: text => (help += text) })
      made.outputHelp()
      expect(help).toMatch(new RegExp(`Example:\n  \\$ .*wataki ${words.join(' ')}`))
      expect(made.description(), words.join(' ')).toMatch(/\.( |$)/)
    }
  })

  it('refuses a misspelled option with a hint at the right one, before it does anything', async () => {
    for (const { words, made } of commandsOf(grammar())) {
      const given = made.registeredArguments.filter(each => each.required).map(() => 'x')
      const refused = runProgram(grammar(), [...words, ...given, '--jsn'])
      await expect(refused, words.join(' ')).rejects.toThrow(/^unknown option '--jsn' \(Did you mean --json\?\)$/)
      await expect(refused).rejects.toBeInstanceOf(Usage)
    }
  })

  it('is suggested to who misspells it, also below a command that does something itself', async () => {
    for (const [words, nearest] of [
      [['snd'], 'send'],
      [['instances', 'lst'], 'list'],
      [['nodes', 'drian'], 'drain'],
      [['sandbox', 'scna'], 'scan'],
      [['webhooks', 'reply'], 'replay'],
      [['tenant', 'craete'], 'create'],
    ] as const) {
      const refused = runProgram(grammar(), [...words])
      await expect(refused, words.join(' ')).rejects.toThrow(`(Did you mean ${nearest}?)`)
    }
  })
})

describe('wataki', () => {
  it('prints help and version on stdout with 0, and its help on stderr with 2 when nothing was asked for', async () => {
    const help = await run(['--help'])
    expect(help).toMatchObject({ code: 0, err: '' })
    expect(help.out).toMatch(/^Usage: wataki /)
    expect(await run(['instances', 'list', '--help'])).toMatchObject({ code: 0, err: '' })
    expect(await run(['--version'])).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' })
    const nothing = await run([])
    expect(nothing).toMatchObject({ code: 2, out: '' })
    expect(nothing.err).toMatch(/^Usage: wataki [\s\S]*\nwataki: say what to do; wataki --help lists it\n$/)
  })

  it('ends with 2 when it is used wrongly, in one line, or as JSON', async () => {
    expect(await run(['snd'])).toEqual({
      code: 2,
      out: '',
      err: "wataki: unknown command 'snd' (Did you mean send?)\n",
    })
    expect(await errorOf(['send'])).toEqual({
      exit: 2,
      code: 'usage',
      message: "missing required argument 'to'",
      details: {},
    })
    expect(await errorOf(['instances'])).toMatchObject({ exit: 2, code: 'usage' })
  })

  it('start says at once that its port is taken, and what to do, before it has begun anything', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const env = { HOST: '127.0.0.1', PORT: String(port) }
    expect(await run(['start'], { env })).toEqual({
      code: 1,
      out: '',
      err: `wataki: port ${port} is taken, by another program or by a Wataki that runs already.
  Stop that one, or take another port, as in: PORT=4000 npm start
`,
    })
    expect(existsSync(join(home, 'data'))).toBe(false)
    other.close()
    const elsewhere = await run(['start'], { env: { HOST: '192.0.2.1', PORT: '4000' } })
    expect(elsewhere.err).toMatch(/^wataki: nothing can listen at 192\.0\.2\.1:4000 \(EADDRNOTAVAIL\)\.\n/)
  })

  it('ends with 1 when a setting is wrong, and says which as JSON', async () => {
    const env = { PORT: 'eighty' }
    expect(await errorOf(['nodes'], { env })).toMatchObject({
      exit: 1,
      code: 'settings',
      message: expect.stringMatching(/^PORT: /),
    })
  })
})
