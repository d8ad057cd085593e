import type { SignedPreKey } from '../signal-device.ts'
import { bundleNodes } from '../signal-device.ts'
import { bytesOf, child, children, el, uintBytes, uintOf } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { type Iq, type IqHandlers, NOT_ACCEPTABLE, NOT_FOUND } from './answer.ts'

const MAX_KEY_FETCHES = 1_100 // a group of 1,024 and its phones
const DIGEST_IDS = 20

/** Prekeys: what a client leaves with the server, and what others fetch. */
export const keyHandlers: IqHandlers = {
  'get encrypt count': ({ me }) => [el('count', { value: me.preKeyCount })],
  'get encrypt digest': ({ me }) => [
    el('digest', {}, [
      el('registration', {}, uintBytes(me.registrationId, 4)),
      el('type', {}, Buffer.from([5])),
      el('identity', {}, me.identity),
      el(
        'list',
        {},
        me.preKeyIds(DIGEST_IDS).map(id => el('id', {}, uintBytes(id, 3))),
      ),
      el('hash', {}, Buffer.alloc(20)),
    ]),
  ],
  'set encrypt rotate': ({ me, node }) =>
    me.rotate(readSigned(child(child(node, 'rotate'), 'skey'))) ? undefined : NOT_ACCEPTABLE,
  'set encrypt': ({ me, node }) => {
    if (!me.rotate(readSigned(child(node, 'skey')))) return NOT_ACCEPTABLE
    me.upload(child(node, 'list'))
    return undefined
  },
  'get encrypt key': fetchKeys,
}

async function fetchKeys({ conn, node }: Iq): Promise<BinaryNode[]> {
  const users: BinaryNode[] = []
  for (const user of children(child(node, 'key'), 'user').slice(0, MAX_KEY_FETCHES)) {
    const jid = user.attrs.jid ?? ''
    const content = await bundleFor(conn.sim, jid)
    const { code, text } = NOT_FOUND
    users.push(el('user', { jid }, content ?? [el('error', { code, text })]))
  }
  return [el('list', {}, users)]
}

async function bundleFor(sim: Iq['conn']['sim'], jid: string): Promise<BinaryNode[] | undefined> {
  const dest = sim.resolve(jid)
  if (!dest) return undefined
  const { person, device } = dest
  if (device !== 0) {
    const companion = person.companions.get(device)
    return companion && bundleNodes(companion.takeBundle())
  }
  const bundle = await person.device.takeBundle()
  person.saveKeys()
  return bundleNodes(bundle)
}

function readSigned(node: BinaryNode | undefined): SignedPreKey {
  return {
    id: uintOf(bytesOf(child(node, 'id'))),
    key: bytesOf(child(node, 'value')),
    signature: bytesOf(child(node, 'signature')),
  }
}
