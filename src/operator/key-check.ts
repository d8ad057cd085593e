import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config.ts'
import { type Check, ok, warn } from './checks.ts'

/** Where the key is. Whether it opens what is there, the database tells. */
export function keyCheck({ secretKey, dataDir }: Config): Check {
  if (secretKey !== null) return ok('secret key', 'is set')
  const path = join(dataDir, 'secret.key')
  if (!existsSync(path)) return ok('secret key', 'is made at the first start')
  const mode = statSync(path).mode & 0o777
  if (mode & 0o077) {
    return warn('secret key', `${path} can be read by others (${mode.toString(8)})`, `chmod 600 ${path}`)
  }
  return ok('secret key', `is in ${path}: keep a copy elsewhere`)
}
