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
  print(`SANDBOX_URL=${controlUrl}`)
  print(`WHATSAPP_WS_URL=${network.webSocketUrl}`)
  print(`WHATSAPP_MEDIA_URL=${network.mediaUrl}`)
  print(`WHATSAPP_ROOT_KEY=${network.rootKey}`)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void sandbox.close().then(() => process.exit(0)))
  }
} catch (error) {
  logError((error as Error).message)
  process.exit(1)
}
