import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'

/** 64 hex characters: 28 bytes of chance and their CRC-32, so that a mistyped key is refused without a look-up. */
export function newApiKey(): string {
  const random = randomBytes(28)
  return random.toString('hex') + checksum(random)
}

export function wellFormed(apiKey: string): boolean {
  return /^[0-9a-f]{64}$/.test(apiKey) && checksum(Buffer.from(apiKey.slice(0, 56), 'hex')) === apiKey.slice(56)
}

export const prefixOf = (apiKey: string): string => apiKey.slice(0, 8)

const checksum = (bytes: Uint8Array): string => crc32(bytes).toString(16).padStart(8, '0')
