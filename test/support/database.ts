import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { admin, withDatabase } from './global-setup.ts'

export interface TestDatabase {
  /** For DATABASE_URL or `openDatabase`: migrated, without rows, nobody else's. */
  url: string
  drop(): Promise<void>
}

export async function testDatabase(): Promise<TestDatabase> {
  const adminUrl = inject('databaseAdminUrl')
  const name = `wataki_test_${randomBytes(6).toString('hex')}`
  await admin(adminUrl, `create database ${name} template ${inject('databaseTemplate')}`)
  return {
    url: withDatabase(adminUrl, name),
    drop: () => admin(adminUrl, `drop database if exists ${name} with (force)`),
  }
}
