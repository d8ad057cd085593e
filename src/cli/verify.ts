import { timingSafeEqual } from 'node:crypto'
import { systemClock } from '../clock.ts'
import { signedHeaders } from '../delivery/sign.ts'
import { secretIn, textIn } from './account.ts'
import { show } from './output.ts'
import { Trouble, Usage } from './trouble.ts'

export interface VerifyOptions {
  secret?: string
  secretFile?: string
  body?: string
  signature?: string
  webhookSignature?: string
  id?: string
  timestamp?: string
  json?: boolean
}

/** What verifiers of the Standard Webhooks rules allow. */
const AGE_MAX_SECONDS = 300

interface Claim {
  secret: string
  id: string
  timestampSeconds: number
  /** The header's name, and what it holds. */
  header: 'X-Webhook-Signature' | 'webhook-signature'
  signature: string
}

/** Says that a webhook's signature is right, or why it is not. */
export async function verifyWebhook(options: VerifyOptions): Promise<void> {
  const { body, ...claim } = claimIn(options)
  if (!isSigned(claim, body)) {
    throw new Trouble(`${claim.header} is wrong: ${reasonOf(claim, body)}`, { code: 'wrong_signature' })
  }
  const ageSeconds = Math.round(Math.abs(systemClock.nowMs() / 1000 - claim.timestampSeconds))
  if (claim.header === 'webhook-signature' && ageSeconds > AGE_MAX_SECONDS) {
    throw new Trouble(
      `webhook-signature is right, but webhook-timestamp is ${ageSeconds} s from now: verifiers allow ${AGE_MAX_SECONDS} s (is a clock wrong, or was it sent again by somebody else?)`,
      { code: 'old_signature' },
    )
  }
  show(options.json, { header: claim.header, right: true }, () => `${claim.header} is right.`)
}

function claimIn(options: VerifyOptions): Claim & { body: string } {
  const { secretFile, body, signature, id = '', timestamp = '', webhookSignature: standardSignature } = options
  const secret = secretFile === undefined ? options.secret : secretIn('--secret-file', secretFile)
  if (!secret || !body || (signature === undefined) === (standardSignature === undefined)) {
    throw new Usage(
      'webhooks verify needs --secret or --secret-file, --body, and either --signature or --webhook-signature',
    )
  }
  if (standardSignature !== undefined && !(id && /^\d+$/.test(timestamp))) {
    throw new Usage('--webhook-signature needs --id and --timestamp: the headers webhook-id and webhook-timestamp')
  }
  return {
    secret,
    body: textIn('--body', body),
    id,
    timestampSeconds: Number(timestamp),
    header: signature === undefined ? 'webhook-signature' : 'X-Webhook-Signature',
    signature: (signature ?? standardSignature)!.trim(),
  }
}

function isSigned({ header, signature, ...signed }: Claim, body: string): boolean {
  const right = Buffer.from(signedHeaders({ ...signed, body, secrets: [signed.secret] })[header]!)
  return signature.split(' ').some(each => {
    const given = Buffer.from(each)
    return given.length === right.length && timingSafeEqual(given, right)
  })
}

function reasonOf(claim: Claim, body: string): string {
  const isHex = /^[0-9a-f]{64}$/i.test(claim.signature)
  if (isHex !== (claim.header === 'X-Webhook-Signature')) {
    return isHex
      ? 'this is the form of X-Webhook-Signature, give it as --signature'
      : 'it is 64 hexadecimal digits, and what begins with v1, is webhook-signature: give that as --webhook-signature'
  }
  if (otherForms(body).some(form => isSigned(claim, form))) {
    return 'the body was encoded anew; take its bytes as they came, before anything parses them'
  }
  return 'another secret has signed, or the body is not the one that was signed'
}

/** The same JSON as it may have been sent: with blanks after what separates, as the database writes, or without. */
function otherForms(body: string): string[] {
  try {
    const { data, ...head } = JSON.parse(body)
    return [JSON.stringify, spaced].map(write => `${JSON.stringify(head).slice(0, -1)},"data":${write(data)}}`)
  } catch {
    return []
  }
}

function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, each]) => `${JSON.stringify(name)}: ${spaced(each)}`)
    .join(', ')}}`
}
