import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Companion } from '../../src/sandbox/companion.ts'
import type { SimulatorEvents } from '../../src/sandbox/events.ts'
import type { Person } from '../../src/sandbox/person.ts'
import { type OpenOptions, openSandbox, type Sandbox } from '../../src/sandbox/server.ts'
import { Client, WAIT_MS } from './client.ts'

/** Contacts answer at once, so that a test waits for the wire only. */
const AT_ONCE = { registered: true, deliverAfterMs: 0, readAfterMs: 0 }

export interface Harness {
  sandbox: Sandbox
  dataDir: string
  /** Stanzas without a handler: must stay empty. */
  unhandled: string[]
  errors: unknown[]
  /** A client that is linked to the account's phone, and open. */
  link(account: string): Promise<{ client: Client; phone: Person; companion: () => Companion }>
  contact(pn: string): Person
  close(): Promise<void>
}

export async function openHarness(options: Partial<OpenOptions> = {}): Promise<Harness> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'sandbox-test-')))
  const errors: unknown[] = []
  const log = { error: ({ err }: { err: unknown }) => void errors.push(err) }
  const sandbox = await openSandbox({ behaviour: AT_ONCE, log, ...options, dataDir })
  const { simulator, control, network } = sandbox
  const unhandled: string[] = []
  simulator.events.on('unhandled', node => unhandled.push(`${node.tag} ${JSON.stringify(node.attrs)}`))
  const clients: Client[] = []
  return {
    sandbox,
    dataDir,
    unhandled,
    errors,
    async link(account) {
      const client = new Client(network).connect()
      clients.push(client)
      const { phoneNumber } = await control.scan(account, { qr: await client.qr() })
      await client.open()
      await client.wait('messaging-history.set', h => h.syncType === 3)
      const phone = simulator.person(phoneNumber)
      return { client, phone, companion: () => [...phone.companions.values()].at(-1)! }
    },
    contact(pn) {
      const person = simulator.person(pn)
      simulator.pin(person)
      return person
    },
    async close() {
      for (const client of clients) {
        client.reconnect = () => false
        await client.close()
      }
      await sandbox.close()
      if (!options.dataDir) await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** The next event of the simulator for which `pick` gives something. */
export function next<N extends keyof SimulatorEvents, T>(
  sandbox: Sandbox,
  name: N,
  pick: (...args: SimulatorEvents[N]) => T | undefined | false | null | '',
): Promise<T> {
  const { events } = sandbox.simulator
  return new Promise((resolve, reject) => {
    const listener = (...args: unknown[]) => {
      const picked = pick(...(args as SimulatorEvents[N]))
      if (!picked) return
      clearTimeout(timer)
      events.off(name as string as never, listener as never)
      resolve(picked)
    }
    const timer = setTimeout(() => {
      events.off(name as string as never, listener as never)
      reject(new Error(`no ${name} within ${WAIT_MS} ms`))
    }, WAIT_MS)
    events.on(name as string as never, listener as never)
  })
}
