import { enableCompileCache } from 'node:module'
import { Trouble } from './cli/trouble.ts'
import { ConfigError } from './config.ts'
import { DatabaseStartError } from './db/start-error.ts'
import { ApiError } from './errors.ts'

/** The command line. Data goes to stdout, talk to stderr. */
const USAGE = `usage: wataki tenant create --name NAME --email ADDRESS
       wataki tenant suspend (--id ID | --email ADDRESS)
       wataki tenant activate (--id ID | --email ADDRESS)
       wataki tenant plan (--id ID | --email ADDRESS) --plan PLAN
       wataki tenant sign-in-link --email ADDRESS
       wataki nodes
       wataki nodes drain --id ID
       wataki nodes undrain --id ID
       wataki secrets reseal
       wataki listen [--url URL] [--api-key KEY] [--instance ID] [--events TYPE,…] [--forward-to URL]
                     [--secret SECRET] [--format text|json]
       wataki webhooks verify --secret SECRET --body FILE|- (--signature HEX |
                     --webhook-signature TEXT --id ID --timestamp SECONDS)

For operators, beside the server's data, while it runs and while it does not:

  tenant create        makes an active tenant and prints {"tenant_id","api_key"} as one JSON line
  tenant suspend       every call of the tenant is refused from now on; prints {"tenant_id","status"}
  tenant activate      takes that back
  tenant plan          free, growth or scale: how many messages a cycle includes; prints {"tenant_id","plan"}
  tenant sign-in-link  prints a link to the dashboard that works once, for 15 minutes: the way in without mail
  nodes                lists the servers on the database, with what each runs, as GET /v1/observability/nodes does
  nodes drain          its instances move to the others, a few each second, it takes no new ones, and /readyz says no;
                       alone it keeps them; prints {"node_id","state"}
  nodes undrain        takes that back
  secrets reseal       brings what is encrypted with SECRET_KEY_PREVIOUS under SECRET_KEY; prints {"resealed","unopened"}
                       with the number of rows of each table

For users, anywhere:

  listen               tells of each event of an instance, and posts it to a URL as a webhook would be, signed; the key
                       may be in WATAKI_API_KEY, the server is http://localhost:3000 unless --url says otherwise
  webhooks verify      says whether the signature of a webhook is right, and why it is not`

/** What each needs is loaded when it is asked for: a user's commands know no database, and start in a moment. */
async function main(words: string[]): Promise<void> {
  enableCompileCache()
  const [first, second, ...rest] = words
  if (words.includes('--help')) throw new Trouble(USAGE)
  if (first === 'listen') return (await import('./cli/listen.ts')).listen(words.slice(1))
  if (first === 'webhooks' && second === 'verify') return (await import('./cli/verify.ts')).verifyWebhook(rest)
  const { operate } = await import('./operator.ts')
  console.log(await operate(words, USAGE))
}

const isKnown = (error: unknown): error is Error =>
  error instanceof Trouble ||
  error instanceof ConfigError ||
  error instanceof DatabaseStartError ||
  error instanceof ApiError ||
  (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(isKnown(error) ? `wataki: ${error.message}` : error)
    process.exit(1)
  },
)
