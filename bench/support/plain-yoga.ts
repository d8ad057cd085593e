/** Yoga as it comes, on the same schema, resolvers and database: its context says who calls, by the same statement. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createYoga, type Plugin } from 'graphql-yoga'
import { pino } from 'pino'
import { openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { Context } from '../../src/context.ts'
import { addressesBehind } from '../../src/http/address.ts'
import { contextsOf } from '../../src/http/context.ts'
import { admit } from '../../src/resolvers/auth/admit.ts'
import { schema } from '../../src/schema/index.ts'
import { cpuUs, serve } from './child.ts'

/** Yoga's own context is a copy, which leaves behind what is inherited. */
const inherited: Plugin<{ house: Context }> = {
  onExecute: ({ executeFn, setExecuteFn }) =>
    setExecuteFn(args => executeFn({ ...args, contextValue: args.contextValue.house })),
}

async function main(): Promise<void> {
  const running = await openApp(readConfig(), pino({ level: 'silent' }))
  const contextOf = contextsOf(running.app, addressesBehind([]))
  const yoga = createYoga<{ req: Parameters<typeof contextOf>[0] }, { house: Context }>({
    schema,
    logging: false,
    context: async ({ req }) => {
      const house = contextOf(req, 'req')
      const admission = await admit(running.app, { apiKey: String(req.headers['x-api-key']) })
      house.caller = admission!.caller
      return { house }
    },
    plugins: [inherited],
  })
  const server = createServer(yoga)
  server.listen(0, '127.0.0.1', () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    serve(
      asked => (asked.cpu ? cpuUs() : { url }),
      () => running.close(),
    )
  })
}

if (process.argv[2] === 'plain-yoga' && import.meta.main) await main()
