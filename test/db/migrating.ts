/** A process of its own that brings the database of its settings up to date, as a server does, and ends. */
import { openDatabase } from '../../src/db/open.ts'

const log = { debug() {}, info: (fields: object) => console.log(JSON.stringify(fields)), warn() {} }
const database = await openDatabase({ databaseUrl: process.env.DATABASE_URL, dataDir: '', log })
await database.close()
