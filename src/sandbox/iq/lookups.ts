import { bytesOf, child, children, el, textOf, USER_SERVER } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { type Iq, type IqHandlers, NOT_FOUND } from './answer.ts'

const MAX_USERS = 1_100

/** Who is on WhatsApp, with which devices, face and words. */
export const lookupHandlers: IqHandlers = {
  'get w:p': () => undefined,
  'get usync': ({ conn, node }) => {
    const usync = child(node, 'usync')
    const wants = new Set(children(child(usync, 'query')).map(n => n.tag))
    const asked = children(child(usync, 'list'), 'user').slice(0, MAX_USERS)
    const users = asked.map(user => describe(conn.sim, user, wants)).filter(user => user !== undefined)
    const { sid, mode, context } = usync?.attrs ?? {}
    const result = el(
      'result',
      {},
      [...wants].map(tag => el(tag)),
    )
    return [el('usync', { sid, mode, context, index: 0, last: 'true' }, [result, el('list', {}, users)])]
  },
  'get w:profile:picture': ({ conn, node }) => {
    const target = node.attrs.target ?? ''
    const row = conn.sim.groups.get(target)?.row ?? conn.sim.resolve(target)?.person.row
    return row?.picture ? [el('picture', { id: '1', type: 'image', url: row.picture, direct_path: '/pic' })] : NOT_FOUND
  },
  'set w:profile:picture': async ({ conn, node, me }) => {
    const picture = child(node, 'picture')
    const owner = conn.sim.groups.get(node.attrs.target ?? '') ?? me.person
    owner.row.picture = picture ? (await conn.sim.media.publish('pic', bytesOf(picture))).url : null
    owner.save()
    return [el('picture', { id: '1' })]
  },
  'get w:biz': () => [el('business_profile', {}, [])],
  'get bot': () => [el('bot', {}, [])],
  'get w:mex': ({ conn, node }) => {
    const query = child(node, 'query')
    const data = conn.sim.options.mex?.(query?.attrs.query_id ?? '', JSON.parse(textOf(query) || '{}')) ?? {}
    return [el('result', {}, Buffer.from(JSON.stringify({ data })))]
  },
}

function describe(sim: Iq['conn']['sim'], user: BinaryNode, wants: Set<string>): BinaryNode | undefined {
  const asked = textOf(child(user, 'contact'))
  const number = asked.replace(/\D/g, '')
  const person = sim.resolve(asked ? `${number}@${USER_SERVER}` : (user.attrs.jid ?? ''))?.person
  if (!person) {
    return asked ? el('user', { jid: `${number}@${USER_SERVER}` }, [el('contact', { type: 'out' }, asked)]) : undefined
  }
  const jid = user.attrs.jid ?? person.jid()
  const content: BinaryNode[] = []
  if (wants.has('contact')) content.push(el('contact', { type: 'in' }, asked || undefined))
  if (wants.has('devices')) {
    const linked = [...person.companions.values()].map(c => el('device', { id: c.device, 'key-index': c.keyIndex }))
    const list = el('device-list', {}, [el('device', { id: 0 }), ...linked])
    content.push(el('devices', {}, [list, el('key-index-list', { ts: sim.now() })]))
  }
  // an answer about a LID names no LID: Baileys would store it as a pair with itself
  if (wants.has('lid') && !jid.endsWith('@lid')) content.push(el('lid', { val: person.jid('lid') }))
  if (wants.has('status')) content.push(el('status', { t: sim.now() }, Buffer.from(person.row.about)))
  if (wants.has('disappearing_mode')) content.push(el('disappearing_mode', { duration: 0, t: 0 }))
  return el('user', { jid }, content)
}
