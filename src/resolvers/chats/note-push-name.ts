import type { Sql } from '../../db/sql.ts'
import type { Address } from '../../whatsapp/whatsapp.ts'
export async function notePushName(
  _sql: Sql,
  _of: { instanceId: string; address: Address; pushName: string; now: Date },
): Promise<void> {}
