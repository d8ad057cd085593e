/** A process of its own that brings the database of its settings up to date, as a server does, and ends. */
import { flushCompileCache } from 'node:module'
import '@mikro-orm/migrations'
import { openDatabase } from '../../src/db/open.ts'

// Whoever is killed writes nothing down when it ends.
flushCompileCache()
const log = { debug() {}, info: (fields: object) => console.log(JSON.stringify(fields)), warn() {} }
const database = await openDatabase({ databaseUrl: process.env.DATABASE_URL, dataDir: '', log })
await database.close()
