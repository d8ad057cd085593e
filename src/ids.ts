import { randomFillSync } from 'node:crypto'
import { type Clock, systemClock } from './clock.ts'

export type IdPrefix =
  | 'ten'
  | 'inst'
  | 'msg'
  | 'chat'
  | 'con'
  | 'med'
  | 'whk'
  | 'evt'
  | 'key'
  | 'ses'
  | 'aud'
  | 'mail'
  | 'del'
  | 'node'
  | 'cmd'
  | 'req'
  | 'err'
  | 'cnt'

// Crockford's alphabet, in ASCII order: text order is then creation order.
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

let clock: Clock = systemClock

/** From now on ids are made by this clock: those of all nodes then rise together. */
export function idsBy(kept: Clock): void {
  clock = kept
}

let lastMs = 0
let lastTail: Buffer = Buffer.alloc(10)

/** Filled a page at a time: to ask for ten bytes takes as long as for thousands. */
const chance = Buffer.alloc(4000)
let drawn = chance.length

/** `prefix_` and 26 characters (48 bits of milliseconds, 80 of chance); rises strictly within one process. */
export function newId(prefix: IdPrefix): string {
  const nowMs = clock.nowMs()
  if (nowMs > lastMs) {
    lastMs = nowMs
    if (drawn === chance.length) {
      randomFillSync(chance)
      drawn = 0
    }
    lastTail = Buffer.from(chance.subarray(drawn, (drawn += 10)))
    lastTail[0]! &= 0x7f // room to count up
  } else {
    for (let i = 9; i >= 0 && ++lastTail[i]! > 255; i--);
  }
  return `${prefix}_${encodeTime(lastMs)}${encodeBytes(lastTail)}`
}

/** The least that an id made at this time can be. */
export const firstIdAt = (prefix: IdPrefix, ms: number): string => `${prefix}_${encodeTime(Math.max(0, ms))}`

/** When an id was made, in ms. */
export function timeOf(id: string): number {
  let ms = 0
  const start = id.indexOf('_') + 1
  for (let i = start; i < start + 10; i++) ms = ms * 32 + ALPHABET.indexOf(id[i]!)
  return ms
}

function encodeTime(ms: number): string {
  let text = ''
  for (let rest = ms, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) text = ALPHABET[rest % 32] + text
  return text
}

function encodeBytes(bytes: Buffer): string {
  let text = ''
  let bits = 0
  let held = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(held >> (bits - 5)) & 31]
    held &= (1 << bits) - 1
  }
  return text
}
