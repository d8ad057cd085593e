import { Counter, Histogram, type Registry } from 'prom-client'
import { oneOf } from './labels.ts'
import { PATIENT, secondsOf } from './seconds.ts'

export const MESSAGE_TYPES = [
  'text',
  'image',
  'video',
  'audio',
  'document',
  'sticker',
  'location',
  'contacts',
  'unsupported',
] as const
const STATUSES = ['accepted', 'sent', 'delivered', 'read', 'failed', 'received'] as const
/** `other`: a word of WhatsApp's that is not known here. */
const FAILURES = [
  'expired',
  'logged_out',
  'not_sent',
  'not_on_whatsapp',
  'recipient_restricted',
  'rate_limited',
  'refused',
  'not_accepted',
  'media_gone',
  'other',
] as const

export interface MessageMetrics {
  /** A message has come so far. */
  reached(status: (typeof STATUSES)[number], type: string): void
  failed(code: string | undefined): void
  /** WhatsApp has it, so long after it was accepted. */
  acked(tookMs: number): void
  /** It was written to a socket, so long after it was accepted. */
  written(tookMs: number): void
}

export function messageMetrics(registry: Registry): MessageMetrics {
  const registers = [registry]
  const messages = new Counter({
    name: 'wataki_messages_total',
    help: 'Messages that reached a status here, by what they hold. What was read was also delivered and sent',
    labelNames: ['status', 'type'],
    registers,
  })
  const failures = new Counter({
    name: 'wataki_message_failures_total',
    help: 'Messages that cannot be sent any more, by why',
    labelNames: ['reason'],
    registers,
  })
  const acks = new Histogram({
    name: 'wataki_message_ack_seconds',
    help: "From the accept of a message to WhatsApp's ack",
    buckets: PATIENT,
    registers,
  })
  const writes = new Histogram({
    name: 'wataki_message_write_seconds',
    help: 'From the accept of a message to the socket. One that goes out again is seen again',
    buckets: PATIENT,
    registers,
  })
  for (const status of STATUSES) for (const type of MESSAGE_TYPES) messages.inc({ status, type }, 0)
  for (const reason of FAILURES) failures.inc({ reason }, 0)
  return {
    reached: (status, type) => messages.inc({ status, type: oneOf(MESSAGE_TYPES, type, 'unsupported') }),
    failed: code => failures.inc({ reason: oneOf(FAILURES, code, 'other') }),
    acked: tookMs => acks.observe(secondsOf(tookMs)),
    written: tookMs => writes.observe(secondsOf(tookMs)),
  }
}
