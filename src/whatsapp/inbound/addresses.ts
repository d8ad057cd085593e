import { parseJid } from '../jid.ts'
import type { KeyStore } from '../key-store.ts'
import type { Address } from '../whatsapp.ts'

/** Adds the name a stanza did not tell, from the pairs that Baileys has learnt; asks no server. */
export async function completeAddress(address: Address, keys: KeyStore): Promise<Address> {
  return (await completion([address], keys))(address)
}

/** The same for many at once: what it gives adds what is known to each of them. */
export async function completion(addresses: Address[], keys: KeyStore): Promise<(address: Address) => Address> {
  const rows = [...new Set(addresses.map(rowOf).filter(row => row !== null))]
  const known = rows.length > 0 ? await keys.socketKeys.get('lid-mapping', rows) : {}
  return address => {
    const row = rowOf(address)
    const other = row === null ? undefined : known[row]
    if (typeof other !== 'string' || !other) return address
    return address.lid ? { ...address, phone: `${other}@s.whatsapp.net` } : { ...address, lid: `${other}@lid` }
  }
}

/** Where the missing name of a person is kept; null when none is missing. */
function rowOf({ lid, phone }: Address): string | null {
  const user = parseJid(lid ?? phone ?? undefined)?.user
  if (!user || (lid && phone)) return null
  return lid ? `${user}_reverse` : user
}
