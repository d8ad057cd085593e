import { createRequire } from 'node:module'
import type * as undici from 'undici'

/** One connection of undici. Not by the package's front door: whoever comes in there makes its agent that of everybody's `fetch`. */
export const Client = createRequire(import.meta.url)('undici/lib/dispatcher/client.js') as typeof undici.Client
export type Client = undici.Client
