import type { Companion } from './companion.ts'
import type { Connection } from './connection.ts'
import type { Group } from './group.ts'
import { handleIq } from './iq/iq.ts'
import { answerMediaRetry } from './media-retry.ts'
import { type Attrs, child, children, el, firstTag, SERVER_JID, STATUS_JID, withoutDevice } from './stanza.ts'
import type { BinaryNode } from './wa.ts'

/** What to do with a stanza that a client sent. */
export async function handleStanza(conn: Connection, node: BinaryNode): Promise<void> {
  const { sim, companion } = conn
  if (sim.faults.silent) return
  if (node.tag === 'iq') return handleIq(conn, node)
  if (node.tag === 'ib') return
  if (!companion) {
    // before it is linked a client says only that it is there
    if (node.tag !== 'presence' && node.tag !== 'ack') sim.events.emit('unhandled', node)
    return
  }
  switch (node.tag) {
    case 'message':
      return relayMessage(conn, companion, node)
    case 'receipt':
      return relayReceipt(conn, companion, node)
    case 'ack':
      return companion.outbox.acknowledged(node.attrs.class ?? '', node.attrs.id ?? '')
    case 'presence':
      return takePresence(companion, node)
    case 'chatstate':
      return relayChatstate(companion, node)
    case 'call':
      return takeCall(conn, companion, node)
    default:
      sim.events.emit('unhandled', node)
  }
}

/** A ciphertext and the device it is for. */
interface Copy {
  jid: string
  enc: BinaryNode
}

/** The ack comes last: by then every phone and every queue has the message, and the wire waits for the store. */
async function relayMessage(conn: Connection, from: Companion, node: BinaryNode): Promise<void> {
  const { sim } = conn
  const refused = sim.faults.takeNack(from.person.pn) ?? refusal(conn, node)
  if (refused !== undefined) return sim.faults.ack(conn, node, refused)
  sim.events.emit('clientMessage', from, node)
  const group = sim.groups.get(node.attrs.to ?? '')
  const copies = copiesOf(node)
  const { id, type, edit, category } = node.attrs
  const common = { id, type, edit, category, t: sim.now(), notify: from.person.name }
  if (group) await relayToGroup(from, { node, group, copies, common })
  else for (const copy of copies) await relayCopy(from, { node, copy, common })
  sim.faults.ack(conn, node)
}

/** WhatsApp's answer to a number that it does not know. */
const NOT_ON_WHATSAPP = 404

function refusal(conn: Connection, node: BinaryNode): number | undefined {
  const to = node.attrs.to ?? ''
  if (to === STATUS_JID || to.endsWith('@g.us')) return undefined
  const dest = conn.sim.resolve(to)
  return dest ? dest.person.behaviour.refuseWith : NOT_ON_WHATSAPP
}

function copiesOf(node: BinaryNode): Copy[] {
  const list = child(node, 'participants')
  const copies: Copy[] = []
  if (list) {
    for (const to of children(list, 'to')) {
      const enc = child(to, 'enc')
      if (enc && to.attrs.jid) copies.push({ jid: to.attrs.jid, enc })
    }
    return copies
  }
  const jid = node.attrs.participant ?? node.attrs.to ?? ''
  return children(node, 'enc')
    .filter(enc => enc.attrs.type !== 'skmsg')
    .map(enc => ({ jid, enc }))
}

async function relayCopy(from: Companion, work: { node: BinaryNode; copy: Copy; common: Attrs }): Promise<void> {
  const { node, copy, common } = work
  const { sim, person, device } = from
  const dest = sim.resolve(copy.jid)
  if (!dest) return
  const to = node.attrs.to ?? ''
  const mode = copy.jid.endsWith('@lid') ? 'lid' : 'pn'
  // a status goes to those who are named in it, with the sender key each time
  const status = to === STATUS_JID ? children(node, 'enc').filter(enc => enc.attrs.type === 'skmsg') : null
  const recipient = dest.person === person && node.attrs.category !== 'peer' ? to : undefined
  const attrs = status
    ? { ...common, from: to, participant: person.jid(mode, device) }
    : { ...common, from: person.jid(mode, device), addressing_mode: mode, ...person.altAttrs(mode), recipient }
  const stanza = el('message', attrs, [copy.enc, ...(status ?? children(node, 'device-identity'))])
  if (dest.device === 0) await dest.person.listener.receive(stanza, { sender: person, device, chat: withoutDevice(to) })
  else dest.person.companions.get(dest.device)?.deliver(stanza)
}

async function relayToGroup(
  from: Companion,
  work: { node: BinaryNode; group: Group; copies: Copy[]; common: Attrs },
): Promise<void> {
  const { node, group, copies, common } = work
  const { sim, person: sender, device: own } = from
  const shared = children(node, 'enc').filter(enc => enc.attrs.type === 'skmsg')
  const byDevice = new Map<string, BinaryNode>()
  for (const { jid, enc } of copies) {
    const dest = sim.resolve(jid)
    if (dest) byDevice.set(`${dest.person.pn}:${dest.device}`, enc)
  }
  const mode = group.addressing
  const who = {
    from: group.jid,
    participant: sender.jid(mode, own),
    addressing_mode: mode,
    ...sender.altAttrs(mode, 'participant'),
  }
  for (const person of group.people()) {
    for (const device of person.deviceIds()) {
      if (person === sender && device === own) continue
      const key = byDevice.get(`${person.pn}:${device}`)
      if (!key && shared.length === 0) continue // a retry is for one device only
      const stanza = el('message', { ...common, ...who }, key ? [key, ...shared] : shared)
      if (device === 0) await person.listener.receive(stanza, { sender, device: own, chat: group.jid })
      else person.companions.get(device)?.deliver(stanza)
    }
  }
}

async function relayReceipt(conn: Connection, me: Companion, node: BinaryNode): Promise<void> {
  const { sim } = conn
  const { id = '', to = '', participant, recipient, type } = node.attrs
  // delivered, retry, peer_msg, hist_sync: each says that the device has the message
  if (type !== 'read' && type !== 'read-self' && type !== 'server-error') {
    me.outbox.acknowledged('message', id)
    for (const item of children(child(node, 'list'), 'item')) me.outbox.acknowledged('message', item.attrs.id ?? '')
  }
  conn.send(el('ack', { id, class: 'receipt', from: to, type, participant, t: sim.now() }))
  if (type === 'server-error') return answerMediaRetry(me, node)
  const dest = sim.resolve(participant ?? (type === 'sender' ? (recipient ?? '') : to))
  if (!dest) return
  if (dest.person === me.person) {
    if (type === 'retry') await me.person.listener.takeReceipt(me, node)
    return
  }
  await dest.person.listener.takeReceipt(me, node)
  const group = sim.groups.get(to)
  const mode = group?.addressing ?? (to.endsWith('@lid') ? 'lid' : 'pn')
  const from = group ? { from: to, participant: me.person.jid(mode) } : { from: me.person.jid(mode) }
  const kind = type === 'inactive' ? undefined : type
  for (const c of dest.person.companions.values())
    c.deliver(el('receipt', { ...from, id, type: kind, t: sim.now() }, node.content))
}

function takePresence(from: Companion, node: BinaryNode): void {
  const { sim } = from
  const { type, to } = node.attrs
  sim.events.emit('presence', { from, type: type ?? 'available', to })
  const person = to ? sim.resolve(to)?.person : undefined
  if (type === 'subscribe' && person) sim.events.emit('subscribed', { person, by: from })
}

function relayChatstate(from: Companion, node: BinaryNode): void {
  const dest = from.sim.resolve(node.attrs.to ?? '')
  if (!dest) return
  const state = children(node)[0]?.attrs.media === 'audio' ? 'recording' : firstTag(node)
  from.sim.events.emit('chatstate', { person: dest.person, from, state })
  for (const c of dest.person.companions.values())
    c.sendIfOnline(el('chatstate', { from: from.person.jid() }, node.content))
}

function takeCall(conn: Connection, from: Companion, node: BinaryNode): void {
  const dest = conn.sim.resolve(node.attrs.to ?? '')
  if (dest) conn.sim.events.emit('call', { person: dest.person, from, node })
  conn.send(el('ack', { id: node.attrs.id, class: 'call', from: node.attrs.to ?? SERVER_JID, type: firstTag(node) }))
}
