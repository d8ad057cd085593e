import { bytesOf, child, children, el, textOf } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { proto } from '../wa.ts'
import type { Iq, IqHandlers } from './answer.ts'

const OPEN_TO_ALL = ['readreceipts', 'profile', 'status', 'online', 'last', 'groupadd', 'calladd']
const MAX_UPLOAD = 100 * 1024 * 1024
const nothing = () => undefined

/** The account's own settings, and the answers that Baileys only waits for. */
export const accountHandlers: IqHandlers = {
  'set passive active': ({ conn, me }) => {
    conn.afterReply.push(() => me.activate().catch(error => conn.sim.report(error)))
  },
  'set passive passive': nothing,
  'get abt': () => [
    el('props', { protocol: 1, hash: 'sandbox', refresh: 86_400 }, [
      el('prop', { config_code: 10_518, config_value: 'true' }),
    ]),
  ],
  'set privacy tokens': nothing,
  'set w:stats': nothing,
  'set urn:xmpp:whatsapp:dirty': nothing,
  'set disappearing_mode': nothing,

  'get blocklist': ({ me }) => [
    el(
      'list',
      {},
      me.person.row.blocked.map(jid => el('item', { jid })),
    ),
  ],
  'set blocklist': ({ me, node }) => {
    const { action, jid = '' } = child(node, 'item')?.attrs ?? {}
    me.person.block(jid, action === 'block')
  },
  'get privacy': ({ me }) => {
    const settings = { ...Object.fromEntries(OPEN_TO_ALL.map(name => [name, 'all'])), ...me.person.row.privacy }
    return [
      el(
        'privacy',
        {},
        Object.entries(settings).map(([name, value]) => el('category', { name, value })),
      ),
    ]
  },
  'set privacy privacy': ({ me, node }) => {
    const { name, value } = child(child(node, 'privacy'), 'category')?.attrs ?? {}
    if (name && value && OPEN_TO_ALL.includes(name)) me.person.row.privacy[name] = value
    me.person.save()
  },
  'set status': ({ me, node }) => {
    me.person.row.about = textOf(child(node, 'status')).slice(0, 1_000)
    me.person.save()
  },

  'set w:m': ({ conn }) => {
    const host = el('host', { hostname: conn.sim.mediaHost, maxContentLengthBytes: MAX_UPLOAD })
    return [el('media_conn', { auth: 'sandbox', ttl: 3_600, auth_ttl: 21_600, max_buckets: 12 }, [host])]
  },

  'set w:sync:app:state': iq => [
    el(
      'sync',
      {},
      children(child(iq.node, 'sync'), 'collection').map(c => syncCollection(iq, c)),
    ),
  ],

  'set md remove-companion-device': ({ conn, me }) => {
    me.unlink({ silent: true })
    conn.sim.events.emit('loggedOut', me)
  },
}

/** Archive, mute, pin, names: a log of patches per collection, which the server cannot read. */
function syncCollection({ conn, me }: Iq, collection: BinaryNode): BinaryNode {
  const { appState } = me.person
  const { name = '', version: claimed = '0' } = collection.attrs
  const patches = appState.patches(name)
  const version = patches.length
  const sent = child(collection, 'patch')
  if (!sent) {
    const missing = patches.slice(Number(claimed)).map(bytes => el('patch', {}, bytes))
    const content = missing.length > 0 ? [el('patches', {}, missing)] : undefined
    return el('collection', { name, type: 'result', version }, content)
  }
  if (Number(claimed) !== version) {
    return el('collection', { name, type: 'error', version }, [el('error', { code: 409, text: 'conflict' })])
  }
  appState.append(name, version + 1, proto.SyncdPatch.decode(bytesOf(sent)))
  conn.sim.events.emit('appState', { companion: me, collection: name })
  appState.tell(name, me)
  return el('collection', { name, type: 'result', version: version + 1 })
}
