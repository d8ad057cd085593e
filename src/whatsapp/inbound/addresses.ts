import { parseJid } from '../jid.ts'
import type { KeyStore } from '../key-store.ts'
import type { Address } from '../whatsapp.ts'

/** Adds the name a stanza did not tell, from the pairs that Baileys has learnt; asks no server. */
export async function completeAddress(address: Address, keys: KeyStore): Promise<Address> {
  const user = parseJid(address.lid ?? address.phone ?? undefined)?.user
  if (!user || (address.lid && address.phone)) return address
  const row = address.lid ? `${user}_reverse` : user
  const other = (await keys.socketKeys.get('lid-mapping', [row]))[row]
  if (typeof other !== 'string' || !other) return address
  return address.lid ? { ...address, phone: `${other}@s.whatsapp.net` } : { ...address, lid: `${other}@lid` }
}
