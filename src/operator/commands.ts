/**
 * The operator's door: what is done beside the server's own data, whether the server runs or not. It may use every
 * chapter and party; what it says goes by the client's room.
 */
import type { Command } from 'commander'
import { type About, command, group, refuseWords } from '../cli/program.ts'

const accounts = () => import('./accounts.ts')
const nodes = () => import('./nodes.ts')

export function addOperatorCommands(program: Command): void {
  program.commandsGroup('For operators, beside the data of the server:')
  addTenants(group(program, 'tenant', 'accounts: create, suspend, activate, plan, sign-in-link'))
  const listed = refuseWords(
    command(program, 'nodes', { does: 'The servers on the database, with what each runs.', example: 'wataki nodes' }),
  ).action(async () => (await nodes()).listNodes())
  addNodes(listed)
  const secrets = group(program, 'secrets', 'what is encrypted at rest: reseal')
  command(secrets, 'reseal', {
    does: 'Bring what is encrypted with SECRET_KEY_PREVIOUS under SECRET_KEY.',
    example: 'wataki secrets reseal',
  }).action(async () => (await nodes()).resealSecrets())
  addCare(program)
}

function addTenants(tenant: Command): void {
  const named = (words: string, about: About) =>
    command(tenant, words, about)
      .option('--id <id>', 'the account: ten_…')
      .option('--email <address>', 'or its address')
  command(tenant, 'create', {
    does: 'Make an active account and print its API key.',
    example: 'wataki tenant create --name Acme --email dev@acme.com',
  })
    .option('--name <name>', 'of the company or person')
    .option('--email <address>', 'where sign-in links go')
    .action(async options => (await accounts()).createTenant(options))
  named('suspend', {
    does: 'Refuse every call of the account from now on.',
    example: 'wataki tenant suspend --email dev@acme.com',
  }).action(async options => (await accounts()).setStatus(options, 'suspended'))
  named('activate', { does: 'Take that back.', example: 'wataki tenant activate --email dev@acme.com' }).action(
    async options => (await accounts()).setStatus(options, 'active'),
  )
  named('plan', {
    does: 'Say how many messages a cycle includes.',
    example: 'wataki tenant plan --email dev@acme.com --plan growth',
  })
    .option('--plan <plan>', 'free, growth or scale')
    .action(async options => (await accounts()).setPlan(options))
  command(tenant, 'sign-in-link', {
    does: 'Print a link to the dashboard that works once, for 15 minutes: the way in without mail.',
    example: 'wataki tenant sign-in-link --email dev@acme.com',
  })
    .option('--email <address>', 'of the account')
    .action(async options => (await accounts()).createSignInLink(options))
}

function addNodes(listed: Command): void {
  command(listed, 'drain', {
    does: 'Move its instances to the others, a few each second, and let it take no new ones.',
    example: 'wataki nodes drain --id node_01…',
  })
    .option('--id <id>', 'the server: node_…')
    .action(async options => (await nodes()).setDraining(options, true))
  command(listed, 'undrain', { does: 'Take that back.', example: 'wataki nodes undrain --id node_01…' })
    .option('--id <id>', 'the server: node_…')
    .action(async options => (await nodes()).setDraining(options, false))
}

function addCare(program: Command): void {
  command(program, 'doctor', {
    does: 'Check this server and its surroundings, and say what to do. Changes nothing.',
    example: 'wataki doctor',
  }).action(async options => (await import('./doctor.ts')).doctor(options))
  command(program, 'backup <file>', {
    does: 'Write database and media of one moment into one file, while the server runs or not.',
    example: 'wataki backup wataki-2026-11-28.tar.gz',
  }).action(async (file, options) => (await import('./backup.ts')).backup(file, options))
  command(program, 'restore <file>', {
    does: 'Fill an empty server with a backup. The server must be stopped.',
    example: 'SECRET_KEY_FILE=secret.key wataki restore wataki-2026-11-28.tar.gz',
  })
    .option('--check', 'only look whether the file is whole and can be restored here')
    .option('--other-key', 'with another SECRET_KEY: every phone has to be linked again')
    .action(async (file, options) => (await import('./restore.ts')).restore(file, options))
}
