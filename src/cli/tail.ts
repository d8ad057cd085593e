import { accountOf } from './account.ts'
import type { Happened } from './follow.ts'
import type { Options } from './instances.ts'
import { openLive, untilEnded } from './live.ts'
import { oneLine, paint, say, showLine } from './output.ts'
import type { Json } from './rest.ts'
import { Usage } from './trouble.ts'
import { standingOf, whichInstance } from './which-instance.ts'

interface TailOptions extends Options {
  instance?: string
  chat?: string
  status?: boolean
  after?: string
}

/** Each message that is received or sent from now on, once and in order, over as many connections as it takes. */
export async function tailMessages(options: TailOptions): Promise<void> {
  const account = accountOf(options)
  const id = await whichInstance(account, options.instance)
  const seq = options.after === undefined ? (await standingOf(account, id)).seq : numberIn(options.after)
  const events = ['message_received', 'message_created', ...(options.status ? ['message_status'] : [])]
  await untilEnded(async () => {
    const live = openLive(account)
    if (!options.json) say('Ready.')
    for await (const happened of live.events({ instanceId: id, events, seq })) {
      if (isWanted(happened.data as Json, options.chat)) tell(happened, options)
    }
  })
}

function numberIn(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Usage('--after must be the seq of an event')
  return Number(text)
}

/** A chat has up to three names, and a phone number more spellings. */
function isWanted(data: Json, chat: string | undefined): boolean {
  if (chat === undefined) return true
  const digits = (name: string | null | undefined) => name?.replace(/@s\.whatsapp\.net$/, '').replace(/[+\s().-]/g, '')
  return [data.chat_id, data.lid, data.phone_number].some(name => name === chat || digits(name) === digits(chat))
}

function tell({ id, event, instanceId, seq, timestamp, data }: Happened, { json }: TailOptions): void {
  const type = event.replace('_', '.')
  if (json) {
    showLine({ id, event: type, instance_id: instanceId, seq, timestamp, data })
    return
  }
  const time = new Date(timestamp).toTimeString().slice(0, 8)
  const message = data as Json
  if (type === 'message.status') {
    const why = message.error ? `: ${message.error.message}` : ''
    console.log(paint('dim', oneLine(`${time} · ${message.message_id} is ${message.status}${why}`)))
    return
  }
  const isIn = message.direction === 'inbound'
  const who = message.phone_number ?? message.chat_id
  const arrow = paint(isIn ? 'green' : 'dim', isIn ? '←' : '→')
  console.log(`${time} ${arrow} ${paint('bold', oneLine(who))} ${oneLine(textOf(message))}`)
}

function textOf({ type, content }: Json): string {
  if (type === 'text') return content.text
  const words = content.caption ?? content.name ?? content.filename ?? content.contacts?.[0]?.name ?? ''
  return `[${type}] ${words}`.trim()
}
