import { enableCompileCache } from 'node:module'
import { styleText } from 'node:util'
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

/** The address is the last that it says. */
function printWelcome(url: string, database: string, sandbox: boolean): void {
  const address = styleText(['bold', 'green'], url, { stream: process.stdout })
  console.log(`
  Wataki is running.

    REST        ${url}/v1            reference: ${url}/docs
    GraphQL     ${url}/graphql       open it in a browser for GraphiQL
    Database    ${database}
    Sandbox     ${sandbox ? 'on: a WhatsApp network in the box, no phone needed' : 'off'}
    Mailbox     ${url}/dev/mailbox   sign-in links that nobody mailed
    API key     npm run --silent wataki -- tenant create --name Acme --email dev@acme.com

  Open the dashboard:  ${address}
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
    const known = error instanceof ConfigError || error instanceof DatabaseStartError
    console.error(notListening(error as ListenError) ?? (known ? `wataki: ${error.message}` : error))
    process.exit(1)
  },
)

type ListenError = NodeJS.ErrnoException & { port?: number; address?: string }

/** What to do where nothing can listen; null: it is another error. */
function notListening({ code, syscall, port, address }: ListenError): string | null {
  if (syscall !== 'listen') return null
  if (code === 'EADDRINUSE')
    return `wataki: port ${port} is taken, by another program or by a Wataki that runs already.
  Stop that one, or take another port, as in: PORT=4000 npm start`
  return `wataki: nothing can listen at ${address}:${port} (${code}).
  Set HOST and PORT to what this user and this machine have, as in: PORT=4000 npm start`
}
