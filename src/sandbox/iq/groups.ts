import { randomBytes } from 'node:crypto'
import type { Group, Role } from '../group.ts'
import type { Person } from '../person.ts'
import { child, children, el, textOf } from '../stanza.ts'
import type { BinaryNode } from '../wa.ts'
import { type Iq, IqFailure, type IqHandlers, NOT_ACCEPTABLE, NOT_FOUND } from './answer.ts'

const FORBIDDEN = new IqFailure(403, 'forbidden')
const MAX_PARTICIPANTS = 1_024
const newInviteCode = (): string => randomBytes(11).toString('base64url')

/** `told`: what the members hear, if not the request itself. */
type Change = (group: Group, iq: Iq) => { answer?: BinaryNode[]; told?: BinaryNode; gone?: Person[] } | undefined

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
    const group = conn.sim.group({ subject: create?.attrs.subject ?? '', owner: me.person, members })
    // the device that made it hears of it like any other, and knows it by the key
    conn.sim.notifyGroup(group, me.person, group.creationNode(create?.attrs.key))
    return [group.node()]
  },
  'set w:g2 leave': ({ conn, node, me }) => {
    for (const { attrs } of children(child(node, 'leave'), 'group'))
      leave(conn.sim.groups.get(attrs.id ?? ''), me.person)
    return [el('leave')]
  },
  'set w:g2 subject': edit((group, { node, me }) => ({
    told: group.rename(me.person, textOf(child(node, 'subject'))),
  })),
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
    return { answer: [el('invite', { code: group.row.inviteCode })] }
  }),
  'set w:g2 add': edit(members('add', (_, role) => role)),
  'set w:g2 remove': edit(members('remove', () => undefined)),
  'set w:g2 promote': edit(members('promote', () => 'admin')),
  'set w:g2 demote': edit(members('demote', () => null)),
}

function leave(group: Group | undefined, person: Person): void {
  if (!group?.has(person)) return
  const change = el('remove', {}, [group.participantNode(person)])
  group.remove(person)
  group.sim.notifyGroup(group, person, change, { gone: [person] })
}

/** Gives each named participant the role; `undefined` takes them out. */
function members(action: string, roleOf: (group: Group, present: Role) => Role | undefined): Change {
  return (group, { conn, node }) => {
    const asked = children(child(node, action), 'participant').slice(0, MAX_PARTICIPANTS)
    const people = asked.map(({ attrs: { jid = '' } }) => ({ jid, person: conn.sim.resolve(jid)?.person }))
    const changed = people.map(p => p.person).filter(p => p !== undefined)
    const told = group.change(changed, action, person => roleOf(group, group.role(person)))
    const results = people.map(({ jid, person }) => el('participant', { jid, error: person ? undefined : 404 }))
    return { answer: [el(action, {}, results)], told, gone: action === 'remove' ? changed : [] }
  }
}

function edit(change: Change) {
  return (iq: Iq): BinaryNode[] | IqFailure | undefined => {
    const { conn, node, me } = iq
    const group = conn.sim.groups.get(node.attrs.to ?? '')
    if (!group) return NOT_FOUND
    if (!group.has(me.person)) return FORBIDDEN
    const changed = change(group, iq) ?? {}
    group.save()
    const told = changed.told ?? children(node)[0]
    // all linked devices hear of it, the author's own too
    if (told) conn.sim.notifyGroup(group, me.person, told, { gone: changed.gone ?? [] })
    return changed.answer
  }
}
