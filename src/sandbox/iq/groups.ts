import { randomBytes } from 'node:crypto'
import type { Group, Role } from '../group.ts'
import { child, children, el, textOf } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { type Iq, IqFailure, type IqHandlers, NOT_ACCEPTABLE, NOT_FOUND } from './answer.ts'

const FORBIDDEN = new IqFailure(403, 'forbidden')
const MAX_PARTICIPANTS = 1_024
const newInviteCode = (): string => randomBytes(11).toString('base64url')

type Change = (group: Group, iq: Iq) => BinaryNode[] | IqFailure | undefined

export const groupHandlers: IqHandlers = {
  'get w:g2 participating': ({ conn, me }) => {
    const mine = conn.sim.groupsOf(me.person)
    return [
      el(
        'groups',
        {},
        mine.map(group => group.node()),
      ),
    ]
  },
  'get w:g2 query': ({ conn, node, me }) => {
    const group = conn.sim.groups.get(node.attrs.to ?? '')
    if (!group) return NOT_FOUND
    return group.has(me.person) ? [group.node()] : FORBIDDEN
  },
  'get w:g2 invite': ({ conn, node }) => {
    const code = child(node, 'invite')?.attrs.code
    if (code) {
      const group = conn.sim.groupByInvite(code)
      return group ? [group.node()] : NOT_ACCEPTABLE
    }
    const group = conn.sim.groups.get(node.attrs.to ?? '')
    if (!group) return NOT_FOUND
    group.row.inviteCode ??= newInviteCode()
    group.save()
    return [el('invite', { code: group.row.inviteCode })]
  },
  'set w:g2 create': ({ conn, node, me }) => {
    const create = child(node, 'create')
    const asked = children(create, 'participant').slice(0, MAX_PARTICIPANTS)
    const members = asked.map(p => conn.sim.resolve(p.attrs.jid ?? '')?.person).filter(p => p !== undefined)
    return [conn.sim.group({ subject: create?.attrs.subject ?? '', owner: me.person, members }).node()]
  },
  'set w:g2 leave': ({ conn, node, me }) => {
    for (const { attrs } of children(child(node, 'leave'), 'group'))
      conn.sim.groups.get(attrs.id ?? '')?.remove(me.person)
    return [el('leave')]
  },
  'set w:g2 subject': edit((group, { node }) => {
    group.row.subject = textOf(child(node, 'subject'))
    return undefined
  }),
  'set w:g2 description': edit((group, { node, me, conn }) => {
    const description = child(node, 'description')
    const { id = '', delete: gone } = description?.attrs ?? {}
    const text = textOf(child(description, 'body'))
    group.row.description = gone ? null : { id, t: conn.sim.now(), by: me.person.pn, text }
    return undefined
  }),
  'set w:g2 announcement': edit(group => void (group.row.announce = true)),
  'set w:g2 not_announcement': edit(group => void (group.row.announce = false)),
  'set w:g2 locked': edit(group => void (group.row.locked = true)),
  'set w:g2 unlocked': edit(group => void (group.row.locked = false)),
  'set w:g2 invite': edit(group => {
    group.row.inviteCode = newInviteCode()
    return [el('invite', { code: group.row.inviteCode })]
  }),
  'set w:g2 add': edit(members('add', (_, role) => role)),
  'set w:g2 remove': edit(members('remove', () => undefined)),
  'set w:g2 promote': edit(members('promote', () => 'admin')),
  'set w:g2 demote': edit(members('demote', () => null)),
}

/** Gives each named participant the role; `undefined` takes them out. */
function members(action: string, roleOf: (group: Group, present: Role) => Role | undefined): Change {
  return (group, { conn, node }) => {
    const asked = children(child(node, action), 'participant').slice(0, MAX_PARTICIPANTS)
    const results = asked.map(({ attrs: { jid = '' } }) => {
      const person = conn.sim.resolve(jid)?.person
      if (!person) return el('participant', { jid, error: 404 })
      const role = roleOf(group, group.role(person))
      if (role === undefined) group.remove(person)
      else group.set(person, role)
      return el('participant', { jid })
    })
    return [el(action, {}, results)]
  }
}

function edit(change: Change) {
  return (iq: Iq): BinaryNode[] | IqFailure | undefined => {
    const { conn, node, me } = iq
    const group = conn.sim.groups.get(node.attrs.to ?? '')
    if (!group) return NOT_FOUND
    if (!group.has(me.person)) return FORBIDDEN
    const answer = change(group, iq)
    group.save()
    const told = children(node)[0]
    // all linked devices hear of it, the author's own too
    if (told) conn.sim.notifyGroup(group, me.person, told.tag === 'subject' ? subjectNode(group, iq) : told)
    return answer
  }
}

const subjectNode = (group: Group, { conn, me }: Iq): BinaryNode =>
  el('subject', { subject: group.row.subject, s_t: conn.sim.now(), s_o: me.person.jid(group.addressing) })
