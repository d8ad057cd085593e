import { join } from 'node:path'
import { openSandbox } from './server.ts'

/** The network as a process of its own: it outlives the servers that use it, as WhatsApp does. */
const DEFAULT_PORT = 3001

function settings(): { dataDir: string; port: number } {
  const { DATA_DIR = './data', SANDBOX_PORT = String(DEFAULT_PORT) } = process.env
  const port = Number(SANDBOX_PORT)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error('SANDBOX_PORT is not a port')
  return { dataDir: join(DATA_DIR, 'sandbox'), port }
}

// libsignal prints sessions, private keys included
console.info = () => {}
console.warn = () => {}
const { error: logError, log } = console
console.error = () => {}

try {
  const sandbox = await openSandbox({ ...settings(), log: (message, error) => logError(message, error) })
  const { controlUrl, network } = sandbox
  log(`SANDBOX_URL=${controlUrl}`)
  log(`WHATSAPP_WS_URL=${network.webSocketUrl}`)
  log(`WHATSAPP_MEDIA_URL=${network.mediaUrl}`)
  log(`WHATSAPP_ROOT_KEY=${network.rootKey}`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void sandbox.close().then(() => process.exit(0)))
  }
} catch (error) {
  logError((error as Error).message)
  process.exit(1)
}
