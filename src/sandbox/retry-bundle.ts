import type { Companion } from './companion.ts'
import { type Bundle, isSignedBy } from './signal-device.ts'
import { bytesOf, child, uintOf } from './stanza.ts'
import type { BinaryNode } from './wa.ts'

/** The keys that a client sends with its request, so that the new session does not wait for the server. */
export function bundleOf(node: BinaryNode, keys: BinaryNode, companion: Companion): Bundle {
  const signed = child(keys, 'skey')
  const oneTime = child(keys, 'key')
  const identity = bytesOf(child(keys, 'identity'))
  const signedPreKey = {
    id: uintOf(bytesOf(child(signed, 'id'))),
    key: bytesOf(child(signed, 'value')),
    signature: bytesOf(child(signed, 'signature')),
  }
  if (!identity.equals(companion.identity) || !isSignedBy(identity, signedPreKey)) return companion.takeBundle()
  const preKey = oneTime && { id: uintOf(bytesOf(child(oneTime, 'id'))), key: bytesOf(child(oneTime, 'value')) }
  return { registrationId: uintOf(bytesOf(child(node, 'registration'))), identity, signedPreKey, preKey }
}
