import { randomBytes } from 'node:crypto'
import type { BinaryNode } from './wa.ts'

export type Attrs = Record<string, string | number | null | undefined>
export type Content = BinaryNode['content']

export const USER_SERVER = 's.whatsapp.net'
/** The server itself as a sender. Without the `@` Baileys acknowledges such a stanza and does not act on it. */
export const SERVER_JID = '@s.whatsapp.net'
export const STATUS_JID = 'status@broadcast'

/**
 * Builds a binary node. The codec silently writes a broken frame when an attribute is not a string, so numbers
 * become strings and absent ones are dropped here.
 */
export function el(tag: string, attrs: Attrs = {}, content?: Content): BinaryNode {
  const clean: Record<string, string> = {}
  for (const name in attrs) {
    const value = attrs[name]
    if (value !== undefined && value !== null) clean[name] = String(value)
  }
  return content === undefined ? { tag, attrs: clean } : { tag, attrs: clean, content }
}

/** A stanza id of the server's own: upper-case hex packs to half its size on the wire. */
export const newStanzaId = (): string => randomBytes(8).toString('hex').toUpperCase()
export const newMessageId = (): string => `3A${randomBytes(9).toString('hex').toUpperCase()}`

export const iqResult = (request: BinaryNode, content?: Content): BinaryNode =>
  el('iq', { from: request.attrs.to || SERVER_JID, type: 'result', id: request.attrs.id }, content)

export const iqError = (request: BinaryNode, code: number, text: string): BinaryNode =>
  el('iq', { from: request.attrs.to || SERVER_JID, type: 'error', id: request.attrs.id }, [el('error', { code, text })])

export const children = (node: BinaryNode | undefined, tag?: string): BinaryNode[] => {
  if (!Array.isArray(node?.content)) return []
  return tag === undefined ? node.content : node.content.filter(c => c.tag === tag)
}

export const child = (node: BinaryNode | undefined, tag: string): BinaryNode | undefined =>
  Array.isArray(node?.content) ? node.content.find(c => c.tag === tag) : undefined

export const firstTag = (node: BinaryNode): string => (Array.isArray(node.content) ? (node.content[0]?.tag ?? '') : '')

export const bytesOf = (node: BinaryNode | undefined): Buffer => {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return Buffer.alloc(0)
  return typeof content === 'string' ? Buffer.from(content) : Buffer.from(content)
}

export const textOf = (node: BinaryNode | undefined): string => bytesOf(node).toString('utf8')

/** Big-endian, as ids of keys travel. */
export const uintOf = (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum * 256 + byte, 0)

export const uintBytes = (value: number, length: number): Buffer => {
  const out = Buffer.alloc(length)
  out.writeUIntBE(value, 0, length)
  return out
}

export const withoutDevice = (jid: string): string => jid.replace(/:\d+@/, '@')
