import ipaddr from 'ipaddr.js'
import { z } from 'zod'

/** What the value of a setting may look like; the message is the end of a sentence that begins with its name. */

/** Ten times as many, for sessions, still are an integer of the database. */
export const RATE_LIMIT_MAX = 100_000_000

/** WhatsApp's own limit of a document, and an integer of GraphQL. */
export const MEDIA_LIMIT_BYTES = 2_147_483_647

export const text = z.string().trim().min(1)
export const port = z.coerce
  .number({ message: 'must be a number from 0 to 65535' })
  .int('must be a whole number')
  .min(0)
  .max(65535)
export const url = (...protocols: string[]) =>
  text.refine(value => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    message: `must be a URL that begins with ${protocols.map(protocol => `${protocol}//`).join(' or ')}`,
  })
export const rootKey = text.refine(value => Buffer.from(value, 'base64').length === 32, {
  message: 'must be 32 bytes in base64',
})

export const milliseconds = z.coerce.number().int('must be a whole number').min(1).max(3_600_000)

/** Of a word repeated nothing is gained: 32 random characters of the smallest usual alphabet hold some 14 different ones. */
const DIFFERENT_MIN = 8
export const secret = text
  .min(32, 'must have at least 32 characters')
  .refine(value => new Set(value).size >= DIFFERENT_MIN, { message: 'is too easy to guess: take 32 random characters' })
export const headerSecret = secret.regex(/^[ -~]+$/, 'must be of ASCII characters: it is sent in a header')

/** Comma-separated; each must pass. */
const list = (isGood: (item: string) => boolean, message: string) =>
  text
    .transform(value => value.split(',').flatMap(item => item.trim() || []))
    .refine(items => items.every(isGood), { message })
export const cidrs = list(
  item => ipaddr.isValidCIDR(item) || (ipaddr.isValid(item) && !item.includes('/')),
  'must be addresses or networks such as 10.0.0.0/8, separated by commas',
).transform(items => items.map(item => (item.includes('/') ? item : `${item}/${item.includes(':') ? 128 : 32}`)))
export const origins = list(
  item => /^https?:/.test(item) && URL.parse(item)?.origin === item,
  'must be origins such as https://app.example.com, separated by commas',
)

export const mailAddress = text.refine(
  value => /^([^<>\p{Cc}]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/u.test(value),
  {
    message: 'must be an address such as Wataki <hello@example.com>',
  },
)

export const mediaStorage = text.refine(
  value => value === 'file' || /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/.*)?$/.test(value),
  {
    message: 'must be file, or s3://bucket/prefix',
  },
)

export const httpOrigin = url('http:', 'https:').refine(value => URL.parse(value)?.pathname === '/', {
  message: 'must be an origin such as http://127.0.0.1:3002, without a path',
})
export const priceIds = list(item => /^\w+$/.test(item), 'must be ids of prices, separated by commas').refine(
  items => items.length > 0,
  { message: 'is required' },
)
