/**
 * The command line's own grammar: every command has a help text with an example, `--json`, and a hint at the nearest
 * word when one is misspelled. It knows no command.
 */
import { Command, CommanderError } from 'commander'
import { Usage } from './trouble.ts'

export interface About {
  does: string
  /** Lines of a shell. */
  example: string
}

export function createProgram(version: string, { quiet }: { quiet: boolean }): Command {
  const program = new Command('wataki')
    .description('WhatsApp API gateway: the server, and what talks to one.')
    .version(version, '-v, --version', 'print the version')
    .exitOverride()
    .enablePositionalOptions()
    // Help that nobody has asked for would stand beside errors that programs read.
    .configureOutput({ outputError: () => {}, ...(quiet && { writeErr: () => {} }) })
    .showSuggestionAfterError()
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'print the help of a command')
  return program.addHelpText(
    'after',
    '\nwataki COMMAND --help says more, with an example. Exit codes: 0 done, 1 failed, 2 used wrongly.',
  )
}

/** A command that does something. `words` are its name and its arguments. */
export function command(parent: Command, words: string, { does, example }: About): Command {
  const made = parent.command(words).description(does)
  const lines = example.split('\n').map(line => `  $ ${line}`)
  return made
    .option('--json', 'JSON on stdout, errors as JSON on stderr')
    .addHelpText('after', `\nExample:\n${lines.join('\n')}`)
}

/** A word before commands. */
export const group = (parent: Command, word: string, does: string): Command => parent.command(word).description(does)

/** For a command that has others below it: what is none of them is a misspelling. */
export function refuseWords(made: Command): Command {
  // Commander's own, with its hint; it does not call it where a command has an action.
  const { unknownCommand } = made as unknown as { unknownCommand(this: Command): never }
  return made.allowExcessArguments().hook('preAction', (_, acting) => {
    if (acting === made && made.args.length > 0) unknownCommand.call(made)
  })
}

/** Rejects with `Usage` for what is no sentence of this grammar; help that was asked for is no error. */
export async function run(program: Command, words: string[]): Promise<void> {
  try {
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return
    const said = error.message.replace(/^error: /, '').replace(/\n+/g, ' ')
    throw new Usage(error.code === 'commander.help' ? 'say what to do; wataki --help lists it' : said)
  }
}
