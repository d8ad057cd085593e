import { namesOf } from '../../db/queries/chats.ts'
import { findPair } from '../../db/queries/contacts.ts'
import type { Sql } from '../../db/sql.ts'
import type { Address } from '../../whatsapp/whatsapp.ts'

/** The jid under which a person is shown: the phone form, when it was told now or ever. */
export async function personOf(sql: Sql, instanceId: string, address: Address): Promise<string> {
  if (address.phone) return address.phone
  return (await findPair(sql, instanceId, namesOf(address)))?.phone ?? address.jid
}
