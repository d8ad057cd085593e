import type { Companion } from './companion.ts'
import type { Received } from './listener.ts'
import type { Person } from './person.ts'
import type { ShownContent } from './sandbox.ts'
import type { BinaryNode, proto } from './wa.ts'

/** What can be seen from inside. Nothing in the room depends on anybody listening. */
export interface SimulatorEvents {
  linked: [Companion]
  online: [Companion]
  offline: [Companion]
  loggedOut: [Companion]
  codeRequested: [pn: string]
  preKeys: [Companion]
  appState: [{ companion: Companion; collection: string }]
  clientMessage: [Companion, BinaryNode]
  message: [Received]
  /** The account's own phone learns what another device sent. */
  sent: [{ person: Person; id: string; to: string; message: proto.IMessage; text: string }]
  peer: [{ person: Person; id: string; message: proto.IMessage }]
  undecryptable: [{ person: Person; id: string; error: Error }]
  resent: [{ person: Person; id: string; content: ShownContent }]
  receipt: [{ person: Person; from: Companion; ids: string[]; type: string }]
  presence: [{ from: Companion; type: string; to: string | undefined }]
  subscribed: [{ person: Person; by: Companion }]
  chatstate: [{ person: Person; from: Companion; state: string }]
  call: [{ person: Person; from: Companion; node: BinaryNode }]
  /** A stanza for which there is no handler. */
  unhandled: [BinaryNode]
}
