import { enableCompileCache } from 'node:module'
import { ConfigError, readConfig } from './config.ts'
import { DatabaseStartError } from './db/start-error.ts'

const CLOSE_TIMEOUT_MS = 9500

/** The process: reads its settings, runs the app until a signal, disposes of it. */
async function main(): Promise<void> {
  const config = readConfig()
  enableCompileCache()
  // Not before: a wrong setting is told in a moment, and the rest takes a second to load.
  const { openApp, takeCrash } = await import('./app.ts')
  const { createLog } = await import('./telemetry/log.ts')
  catchCrashesOfSockets(takeCrash)
  const asJson = config.production || process.argv.includes('--json')
  const running = await openApp(config, createLog({ level: config.logLevel, json: asJson }))
  if (!asJson) printWelcome(config.publicUrl, running.app.db.describe, config.sandbox !== null)
  const signal = await new Promise<string>(resolve => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => resolve(name))
  })
  // A second signal ends it at once.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => process.exit(1))
  running.app.log.info({ signal }, 'stopping')
  // Whatever is cut then is as safe as after a crash; who sent the signal waits no longer.
  setTimeout(() => process.exit(0), CLOSE_TIMEOUT_MS).unref()
  await running.close()
}

function printWelcome(url: string, database: string, sandbox: boolean): void {
  console.log(`
  Wataki is running.

    Dashboard   ${url}              its sign-in links: ${url}/dev/mailbox
    REST        ${url}/v1            reference: ${url}/docs
    GraphQL     ${url}/graphql       open it in a browser for GraphiQL
    Database    ${database}
    Sandbox     ${sandbox ? 'on: a WhatsApp network in the box, no phone needed' : 'off'}

  Or, for a key from another terminal:

    npm run --silent wataki -- tenant create --name Acme --email dev@acme.com
`)
}

/** What is thrown inside a WhatsApp socket ends that socket only; anything else is a fault of ours, and fatal. */
function catchCrashesOfSockets(takeCrash: (error: unknown) => boolean): void {
  process.on('uncaughtException', error => {
    if (takeCrash(error)) return
    console.error(error)
    process.exit(1)
  })
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    const known = error instanceof ConfigError || error instanceof DatabaseStartError || isPortTaken(error)
    const hint = isPortTaken(error) ? ' (set PORT to another)' : ''
    console.error(known ? `wataki: ${(error as Error).message}${hint}` : error)
    process.exit(1)
  },
)

const isPortTaken = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'EADDRINUSE'
