import { randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { FormData } from 'undici'
import { type Account, accountOf, textIn } from './account.ts'
import type { Options } from './instances.ts'
import { openLive } from './live.ts'
import { paint, show } from './output.ts'
import { during } from './progress.ts'
import { call, type Json } from './rest.ts'
import { Trouble, Usage } from './trouble.ts'
import { standingOf, whichInstance } from './which-instance.ts'

export interface SendOptions extends Options {
  instance?: string
  file?: string
  image?: string
  video?: string
  audio?: string
  voice?: string
  document?: string
  caption?: string
  filename?: string
  replyTo?: string
  mention?: string[]
  expiresIn?: string
  idempotencyKey?: string
  wait?: string | true
  timeout: string
}

const FILES = ['file', 'image', 'video', 'audio', 'voice', 'document'] as const
const RANKS = ['pending', 'sent', 'delivered', 'read']

/** One message. Made again with the same key, it is sent once. */
export async function send(to: string, text: string | undefined, options: SendOptions): Promise<void> {
  const account = accountOf(options)
  const until = waitedFor(options)
  const timeoutMs = numberIn('--timeout', options.timeout) * 1000
  const idempotencyKey = options.idempotencyKey ?? `wataki-cli-${randomUUID()}`
  const kinds = FILES.filter(kind => options[kind] !== undefined)
  if (kinds.length + Number(text !== undefined) !== 1) {
    throw new Usage('send takes either a text or one file: --file, --image, --video, --audio, --voice or --document')
  }
  const instanceId = await whichInstance(account, options.instance)
  const message = await during(options, 'Sending', async tell => {
    const content =
      text === undefined
        ? await withFile(account, { instanceId, kind: kinds[0]!, idempotencyKey, options }, tell)
        : { type: 'text', content: { text: text === '-' ? textIn('the text', '-') : text } }
    const body = {
      chat_id: to,
      ...content,
      ...(options.replyTo && { quoted_message_id: options.replyTo }),
      ...(options.mention && { mentions: options.mention }),
      ...(options.expiresIn && { expires_in: numberIn('--expires-in', options.expiresIn) }),
    }
    const { seq } = until ? await standingOf(account, instanceId) : { seq: 0 }
    const accepted = await call(account, 'POST', `/instances/${instanceId}/messages`, { body, idempotencyKey })
    if (!until) return accepted
    tell(`Waiting until it is ${until}`)
    return statusReached(account, accepted, { seq, until, timeoutMs })
  })
  show(options.json, message, () => `${message.id} to ${message.chat_id}: ${paint('green', message.status)}`)
}

function waitedFor(options: SendOptions): string | null {
  if (options.wait === undefined) return null
  const until = options.wait === true ? 'delivered' : options.wait
  if (!RANKS.slice(1).includes(until)) throw new Usage('--wait must be sent, delivered or read')
  return until
}

function numberIn(option: string, text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new Usage(`${option} must be a number of seconds`)
  return Number(text)
}

interface Upload {
  instanceId: string
  kind: (typeof FILES)[number]
  idempotencyKey: string
  options: SendOptions
}

/** Uploads the file; what kind of message it makes, its bytes say, unless the command does. */
async function withFile(
  account: Account,
  { instanceId, kind, idempotencyKey, options }: Upload,
  tell: (doing: string) => void,
): Promise<{ type: string; content: object }> {
  const path = options[kind]!
  const form = new FormData()
  const blob = await blobOf(path).catch((error: Error) => {
    throw new Trouble(`--${kind} cannot be read (${error.message})`)
  })
  form.set('file', blob, options.filename ?? basename(path))
  tell(`Uploading ${basename(path)} (${Math.ceil(blob.size / 1024)} kB)`)
  const path0 = `/instances/${instanceId}/media`
  const { id, mime_type: mimeType } = await call(account, 'POST', path0, {
    form,
    idempotencyKey: `${idempotencyKey} file`,
  })
  tell('Sending')
  const type = kind === 'file' ? typeOf(mimeType) : kind === 'voice' ? 'audio' : kind
  const { caption, filename } = options
  const content = {
    media: { media_id: id },
    ...(caption !== undefined && { caption }),
    ...(kind === 'voice' && { ptt: true }),
    ...(type === 'document' && filename !== undefined && { filename }),
  }
  return { type, content }
}

/** Read from the disk as it is sent. What is not there is an error at once. */
const blobOf = async (path: string): Promise<Blob> => openAsBlob(path)

function typeOf(mimeType: string): string {
  const [family] = mimeType.split('/')
  return ['image', 'video', 'audio'].includes(family!) && mimeType !== 'image/svg+xml' ? family! : 'document'
}

async function statusReached(
  account: Account,
  accepted: Json,
  { seq, until, timeoutMs }: { seq: number; until: string; timeoutMs: number },
): Promise<Json> {
  const { id, instance_id: instanceId } = accepted
  const reached = (status: string): boolean => RANKS.indexOf(status) >= RANKS.indexOf(until)
  const watched = async () => {
    if (reached(accepted.status)) return
    const events = openLive(account).events({ instanceId, events: ['message_status'], seq })
    for await (const { data } of events) {
      const { message_id: about, status, error } = data as Json
      if (about !== id) continue
      if (status === 'failed') {
        throw new Trouble(`the message failed: ${error?.message ?? 'without a reason'}`, {
          code: error?.code ?? 'failed',
          details: { message_id: id },
        })
      }
      if (reached(status)) return
    }
  }
  const late = wait(timeoutMs, 'late' as const, { ref: false })
  if ((await Promise.race([watched(), late])) === 'late') {
    const { status } = await call(account, 'GET', `/instances/${instanceId}/messages/${id}`)
    throw new Trouble(`${id} is ${status} after ${timeoutMs / 1000} s, and not ${until}: it goes on by itself`, {
      code: 'timeout',
      details: { message_id: id, status },
    })
  }
  return call(account, 'GET', `/instances/${instanceId}/messages/${id}`)
}
