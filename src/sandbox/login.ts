import type { Companion } from './companion.ts'
import type { Connection } from './connection.ts'
import { isSignedBy } from './signal-device.ts'
import type { Simulator } from './simulator.ts'
import { el, SERVER_JID, uintOf } from './stanza.ts'
import type { proto } from './wa.ts'

/** What a client is after the handshake: a linked device, one that wants to be, or nobody. */
export function logIn(sim: Simulator, conn: Connection, payload: proto.ClientPayload): void {
  if (sim.faults.loginFailure !== null) conn.failure(sim.faults.loginFailure)
  else if (payload.devicePairingData) register(sim, conn, payload.devicePairingData)
  else {
    const companion = sim.companionOf(String(payload.username), payload.device ?? 0)
    // an unknown device, or one with other keys, is logged out for good
    if (companion?.noiseKey.equals(conn.clientStatic)) admit(sim, conn, companion)
    else conn.failure(401)
  }
}

function admit(sim: Simulator, conn: Connection, companion: Companion): void {
  if (companion.conn) {
    const old = companion.conn
    old.isReplaced = true
    sim.counters.replaced++
    companion.replaced()
    companion.detach(old)
  }
  sim.counters.logins++
  conn.companion = companion
  companion.attach(conn)
  const name = companion.person.name
  const welcome = { t: sim.now(), lid: companion.lid, location: 'sandbox', props: 27, display_name: name }
  conn.send(el('success', welcome))
  if (!sim.options.edgeRouting) return
  const routing = el('edge_routing', {}, [el('routing_info', {}, Buffer.from([8, 2, 8, 5]))])
  conn.send(el('ib', { from: SERVER_JID }, [routing]))
}

function register(sim: Simulator, conn: Connection, data: proto.ClientPayload.IDevicePairingRegistrationData): void {
  const bytes = (value: Uint8Array | null | undefined) => Buffer.from(value ?? [])
  const identity = bytes(data.eIdent)
  const signedPreKey = { id: uintOf(bytes(data.eSkeyId)), key: bytes(data.eSkeyVal), signature: bytes(data.eSkeySig) }
  if (!isSignedBy(identity, signedPreKey)) {
    conn.failure(400)
    return
  }
  conn.registration = { identity, registrationId: uintOf(bytes(data.eRegid)), signedPreKey }
  conn.offerPairing(sim.pairing.issue(conn))
}
