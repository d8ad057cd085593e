import type { BinaryNode } from '@whiskeysockets/baileys'
import { isGroup, sameUser } from '../jid.ts'
import type { Me } from './decode.ts'

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

/** What a receipt says about messages of ours; null for all the others (own devices, retries, peer traffic). */
export function readReceipt(node: BinaryNode, me: Me): Receipt | null {
  const { id, from, participant, type, recipient, t } = node.attrs
  const status = STATUS[type ?? '']
  if (!status || !id || !from || recipient) return null
  const reader = isGroup(from) ? participant : from
  if (!reader || sameUser(reader, me.id) || sameUser(reader, me.lid)) return null
  return {
    whatsappIds: [id, ...listedIds(node)],
    chat: from,
    reader,
    readerAlias:
      node.attrs.participant_pn ?? node.attrs.participant_lid ?? node.attrs.sender_pn ?? node.attrs.sender_lid,
    status,
    timestamp: new Date(Number(t ?? 0) * 1000),
  }
}

function listedIds(node: BinaryNode): string[] {
  const children = Array.isArray(node.content) ? node.content : []
  const list = children.find(child => child.tag === 'list')
  const items = Array.isArray(list?.content) ? list.content : []
  return items.flatMap(item => (item.tag === 'item' && item.attrs.id ? [item.attrs.id] : []))
}
