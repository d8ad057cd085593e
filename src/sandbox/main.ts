import { join } from 'node:path'
import { readConfig } from '../config.ts'
import { openSandbox } from './server.ts'

// The network as a process of its own: it outlives the servers that use it, as WhatsApp does.

// libsignal prints sessions, private keys included
console.info = () => {}
console.warn = () => {}
const { error: logError, log: print } = console
console.error = () => {}

try {
  const { dataDir, sandboxPort } = readConfig()
  const log = { error: ({ err }: { err: unknown }, message: string) => logError(message, err) }
  const sandbox = await openSandbox({ dataDir: join(dataDir, 'sandbox'), port: sandboxPort, log })
  const { controlUrl, network } = sandbox
  const settings = {
    SANDBOX_URL: controlUrl,
    WHATSAPP_WS_URL: network.webSocketUrl,
    WHATSAPP_MEDIA_URL: network.mediaUrl,
    WHATSAPP_ROOT_KEY: network.rootKey,
  }
  if (process.argv.includes('--json')) print(JSON.stringify(settings))
  else for (const [name, value] of Object.entries(settings)) print(`${name}=${value}`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void sandbox.close().then(() => process.exit(0)))
  }
} catch (error) {
  logError((error as Error).message)
  process.exit(1)
}
