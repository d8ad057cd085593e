import type { Command } from 'commander'
import { type About, command, group, refuseWords } from './program.ts'

/** What users run, anywhere. What each needs is loaded when it is asked for. */

/** A command that calls a server. */
function calling(parent: Command, words: string, about: About): Command {
  return command(parent, words, about)
    .option('--url <url>', 'the server (WATAKI_URL, else that of the login, else http://localhost:$PORT)')
    .option('--api-key <key>', 'the API key (better WATAKI_API_KEY or the login: others see the command line)')
    .option('--api-key-file <file>', 'a file that holds it; - is standard input')
}

const INSTANCE = ['--instance <id>', 'its id or its name; can be left out when there is one only'] as const

export function addClientCommands(program: Command): void {
  program.commandsGroup('For users, anywhere, by the public API:')
  addAccount(program)
  addInstances(group(program, 'instances', 'WhatsApp accounts: list, create, connect, show, disconnect, delete'))
  addMessages(program)
  addListen(program)
  addWebhooks(group(program, 'webhooks', 'where events go: list, replay, verify'))
}

function addAccount(program: Command): void {
  const example = 'wataki login --url https://wa.example.com\nwataki login --api-key-file - < key.txt'
  calling(program, 'login', {
    does: 'Keep an API key for the other commands, once the server has taken it.',
    example,
  }).action(async options => (await import('./login.ts')).login(options))
  command(program, 'logout', { does: 'Forget the key of the login.', example: 'wataki logout' }).action(async options =>
    (await import('./login.ts')).logout(options),
  )
  calling(program, 'whoami', { does: 'Say which account the key opens, and where.', example: 'wataki whoami' }).action(
    async options => (await import('./login.ts')).whoami(options),
  )
}

function addInstances(instances: Command): void {
  const load = () => import('./instances.ts')
  calling(instances, 'list', { does: 'All instances and how they stand.', example: 'wataki instances list' }).action(
    async options => (await load()).listInstances(options),
  )
  calling(instances, 'create <name>', {
    does: 'Make an instance; connect it next.',
    example: 'wataki instances create shop --sandbox',
  })
    .option('--sandbox', 'let it live in the simulated WhatsApp network')
    .option('--description <text>', 'for your own notes')
    .action(async (name, options) => (await load()).createInstance(name, options))
  calling(instances, 'connect [instance]', {
    does: 'Link a phone: shows the QR code, and each that takes its place, until it is scanned.',
    example: 'wataki instances connect shop\nwataki instances connect shop --code +5511999999999',
  })
    .option('--code <phone>', 'a code to type on the phone of that number, instead of a QR code')
    .option('--png <file>', 'write the QR code as a picture to this file')
    .action(async (named, options) => (await import('./connect.ts')).connectInstance(named, options))
  calling(instances, 'show [instance]', {
    does: 'One instance and how it stands.',
    example: 'wataki instances show shop',
  }).action(async (named, options) => (await load()).showInstance(named, options))
  calling(instances, 'disconnect [instance]', {
    does: 'Close the connection and keep the link.',
    example: 'wataki instances disconnect shop',
  }).action(async (named, options) => (await load()).disconnectInstance(named, options))
  calling(instances, 'delete <instance>', {
    does: 'Unlink the phone and delete the instance with everything of it.',
    example: 'wataki instances delete shop --yes',
  })
    .option('--yes', 'without asking')
    .action(async (named, options) => (await load()).deleteInstance(named, options))
}

function addMessages(program: Command): void {
  calling(program, 'send <to> [text]', {
    does: 'Send a message to a phone number, a chat or a group. The text - is standard input.',
    example:
      'wataki send +5511999999999 "Your order is ready" --wait\nwataki send +5511999999999 --image dot.png --caption "A dot"',
  })
    .option(...INSTANCE)
    .option('--file <file>', 'a file, sent as what it is')
    .option('--image <file>', 'an image')
    .option('--video <file>', 'a video')
    .option('--audio <file>', 'an audio file')
    .option('--voice <file>', 'a voice note: OGG with Opus')
    .option('--document <file>', 'any file, as a document')
    .option('--caption <text>', 'the text below an image, a video or a document')
    .option('--filename <name>', 'the name of the document on the phone')
    .option('--reply-to <message>', 'the message that it answers: msg_…')
    .option('--mention <phone...>', 'whom it mentions; the text names each as @ and the digits')
    .option('--expires-in <seconds>', 'when it fails if it could not be sent')
    .option('--idempotency-key <key>', 'made again with the same key, it is sent once')
    .option('--wait [status]', 'until it is sent, delivered (default) or read')
    .option('--timeout <seconds>', 'how long to wait', '60')
    .action(async (to, text, options) => (await import('./send.ts')).send(to, text, options))
  const messages = group(program, 'messages', 'messages as they come: tail')
  calling(messages, 'tail', {
    does: 'Each message that is received or sent from now on, once and in order, through lost connections.',
    example: 'wataki messages tail --chat +5511999999999\nwataki messages tail --json | jq .data.content.text',
  })
    .option(...INSTANCE)
    .option('--chat <chat>', 'of this chat or phone number alone')
    .option('--status', 'also how far sent ones have come')
    .option('--after <seq>', 'what came after this event, too: 7 days at most')
    .action(async options => (await import('./tail.ts')).tailMessages(options))
}

function addListen(program: Command): void {
  calling(program, 'listen', {
    does: 'Tell of each event of an instance, and post it to a URL as a webhook would be, signed. No tunnel is needed.',
    example: 'wataki listen --forward-to localhost:4000/hook',
  })
    .option(...INSTANCE)
    .option('--events <types>', 'only these, such as message.received,message.status')
    .option('--forward-to <url>', 'where to post them')
    .option('--secret <secret>', 'what to sign with; one is made otherwise')
    .option('--secret-file <file>', 'a file that holds it')
    .option('--format <format>', 'text or json', 'text')
    .action(async options => (await import('./listen.ts')).listen(options))
}

function addWebhooks(webhooks: Command): void {
  calling(webhooks, 'list', { does: 'The webhooks of an instance.', example: 'wataki webhooks list --instance shop' })
    .option(...INSTANCE)
    .action(async options => (await import('./webhooks.ts')).listWebhooks(options))
  calling(webhooks, 'replay <id>', {
    does: 'Send one delivery again (del_…), or all that failed for a webhook (whk_…) since a time.',
    example: 'wataki webhooks replay del_01…\nwataki webhooks replay whk_01… --since 2026-11-01T00:00:00Z',
  })
    .option(...INSTANCE)
    .option('--since <time>', 'what happened from then on')
    .option('--until <time>', 'and before then')
    .option('--all', 'those that were delivered, too')
    .action(async (id, options) => (await import('./webhooks.ts')).replay(id, options))
  command(webhooks, 'verify', {
    does: 'Say whether the signature of a webhook is right, and why it is not.',
    example: 'wataki webhooks verify --secret-file secret.txt --body body.json --signature 5d41…',
  })
    .option('--secret <secret>', 'the secret of the webhook (others see the command line)')
    .option('--secret-file <file>', 'a file that holds it')
    .option('--body <file>', 'its body, byte for byte; - is standard input')
    .option('--signature <hex>', 'the header X-Webhook-Signature')
    .option('--webhook-signature <text>', 'the header webhook-signature')
    .option('--id <id>', 'the header webhook-id')
    .option('--timestamp <seconds>', 'the header webhook-timestamp')
    .action(async options => (await import('./verify.ts')).verifyWebhook(options))
}

/** Below the command that runs the sandbox. */
export function addSandboxClients(sandbox: Command): void {
  const load = () => import('./sandbox.ts')
  calling(refuseWords(sandbox), 'scan [instance]', {
    does: 'A virtual phone scans the QR code of an instance that lives in the sandbox.',
    example: 'wataki sandbox scan shop',
  }).action(async (named, options) => (await load()).scanQr(named, options))
  calling(sandbox, 'say [from] [text]', {
    does: 'A virtual contact writes to an instance that lives in the sandbox. The text - is standard input.',
    example:
      'wataki sandbox say --from +5511900000002 --text "Is it ready?" --to shop\nwataki sandbox say +5511900000002 "Is it ready?"',
  })
    .option('--from <phone>', 'the phone number of who writes: any will do')
    .option('--text <text>', 'what they write')
    .option('--to <instance>', 'to whom: the same as --instance')
    .option(...INSTANCE)
    .action(async (from, text, options) =>
      (await load()).sayAs(
        [from, text].filter(word => word !== undefined),
        options,
      ),
    )
}
