import { M0001FirstTables } from './m0001-first-tables.ts'

/** In the order they run. Append only: a migration that was released never changes. */
export const MIGRATIONS = [{ name: 'm0001-first-tables', class: M0001FirstTables }]
