import type { BinaryNode } from '@whiskeysockets/baileys'
import { isGroup, isPerson } from '../jid.ts'
import { dateOfSeconds } from '../time.ts'
import { isMe, type Me } from './parties.ts'

export interface Receipt {
  whatsappIds: string[]
  chat: string
  reader: string
  /** The reader's other name, when the stanza told. */
  readerAlias: string | undefined
  status: 'delivered' | 'read'
  timestamp: Date
}

/** No type at all is the plain "delivered"; `inactive` is the same from a device in the background. */
const STATUS: Record<string, Receipt['status']> = {
  '': 'delivered',
  inactive: 'delivered',
  read: 'read',
  played: 'read',
}

/** What a stanza says about messages of ours, one per reader; none for all the others (own devices, retries, peers). */
export function readReceipts(node: BinaryNode, me: Me): Receipt[] {
  const { id, from, participant, type, recipient, t } = node.attrs
  const status = STATUS[type ?? '']
  if (!status || !from || recipient) return []
  const counted = participantsOf(node)
  if (counted) {
    return counted
      .filter(({ reader }) => !isMe(reader, me))
      .map(one => ({ ...one, chat: from, readerAlias: undefined, status, timestamp: dateOfSeconds(one.t ?? t) }))
  }
  const reader = isGroup(from) ? participant : from
  if (!id || !reader || isMe(reader, me)) return []
  return [
    {
      whatsappIds: [id, ...listedIds(node)],
      chat: from,
      reader,
      readerAlias:
        node.attrs.participant_pn ?? node.attrs.participant_lid ?? node.attrs.sender_pn ?? node.attrs.sender_lid,
      status,
      timestamp: dateOfSeconds(t),
    },
  ]
}

/** Messages of others that this account has seen on another of its devices. */
export function readSeen(node: BinaryNode, me: Me): { chat: string; whatsappIds: string[] } | null {
  const { id, from, participant, type, recipient } = node.attrs
  if (!id || !from || (type !== 'read' && type !== 'read-self')) return null
  const own = isMe(participant ?? from, me)
  // With receipts off WhatsApp may name the chat itself instead of us.
  if (!own && type !== 'read-self') return null
  const chat = recipient ?? (isMe(from, me) ? null : from)
  return chat && (isPerson(chat) || isGroup(chat)) ? { chat, whatsappIds: [id, ...listedIds(node)] } : null
}

/** In big groups the server gathers: one stanza per message, with its readers in a list. */
function participantsOf(node: BinaryNode): { whatsappIds: string[]; reader: string; t: string | undefined }[] | null {
  const lists = childrenOf(node).filter(child => child.tag === 'participants' && child.attrs.key)
  if (lists.length === 0) return null
  return lists.flatMap(list =>
    childrenOf(list).flatMap(({ tag, attrs }) =>
      tag === 'user' && attrs.jid ? [{ whatsappIds: [list.attrs.key!], reader: attrs.jid, t: attrs.t }] : [],
    ),
  )
}

function listedIds(node: BinaryNode): string[] {
  const list = childrenOf(node).find(child => child.tag === 'list')
  return childrenOf(list).flatMap(item => (item.tag === 'item' && item.attrs.id ? [item.attrs.id] : []))
}

const childrenOf = (node: BinaryNode | undefined): BinaryNode[] => (Array.isArray(node?.content) ? node.content : [])
