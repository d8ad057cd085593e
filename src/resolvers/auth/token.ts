import { randomBytes } from 'node:crypto'

/** 32 bytes of chance in base64url: sessions and links. Stored as SHA-256 only. */
export const newToken = (): string => randomBytes(32).toString('base64url')

export const isToken = (text: string): boolean => /^[A-Za-z0-9_-]{43}$/.test(text)

/** Where a link leads. The token is in the fragment, which no browser sends and no server logs. */
export const linkOf = (publicUrl: string, token: string): string => `${publicUrl}/auth/verify#token=${token}`

export const LINK_VALID_MINUTES = 15

export const linkEnd = (now: Date): Date => new Date(now.getTime() + LINK_VALID_MINUTES * 60_000)
