import { setTimeout as sleep } from 'node:timers/promises'
import { createTransport, type NodemailerError } from 'nodemailer'
import type { Letter, Mailer, Outcome } from './mail.ts'
import { wordsOf } from './words.ts'

const CONNECTION_TIMEOUT_MS = 10_000
/** Of silence; a server that trickles its replies is ended by the next one. */
const SILENCE_TIMEOUT_MS = 15_000
const LETTER_TIMEOUT_MS = 30_000
const CONNECTIONS_MAX = 4
const FAREWELL_MS = 3_000

/** `url` is `smtp://user:password@host:port` or `smtps://…`; query parameters are nodemailer's own settings. */
export function createSmtpMailer(options: { url: string; from: string; letterTimeoutMs?: number }): Mailer {
  let transport: Transport | undefined
  let closed = false
  const underWay = new Set<Promise<unknown>>()
  return {
    async send(letter) {
      if (closed) return { kind: 'failed', reason: 'closed' }
      transport ??= open(options.url)
      const used = transport
      const late = Promise.withResolvers<'late'>()
      const timer = setTimeout(late.resolve, options.letterTimeoutMs ?? LETTER_TIMEOUT_MS, 'late')
      const delivery = deliver(used, options.from, letter).finally(() => underWay.delete(delivery))
      underWay.add(delivery)
      const outcome = await Promise.race([delivery, late.promise])
      clearTimeout(timer)
      if (outcome !== 'late') return outcome
      // Its connections may hang for ever: the next letter gets new ones.
      used.close({ force: true })
      if (transport === used) transport = undefined
      return { kind: 'failed', reason: 'no answer in time' }
    },
    kept: () => [],
    async close() {
      closed = true
      await Promise.race([Promise.all(underWay), sleep(FAREWELL_MS, undefined, { ref: false })])
      transport?.close({ force: true })
    },
  }
}

type Transport = ReturnType<typeof open>

const open = (url: string) =>
  createTransport({
    url,
    pool: true,
    maxConnections: CONNECTIONS_MAX,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    greetingTimeout: CONNECTION_TIMEOUT_MS,
    dnsTimeout: CONNECTION_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  })

async function deliver(transport: Transport, from: string, letter: Letter): Promise<Outcome> {
  try {
    // As an object: a string would be read as a list of addresses.
    await transport.sendMail({ from, to: { name: '', address: letter.to }, ...wordsOf(letter) })
    return { kind: 'sent' }
  } catch (error) {
    return outcomeOf(error as NodemailerError)
  }
}

/** Refused is what the server says about this reader or this letter; all else (the login too) may be put right. */
function outcomeOf({ code, command, permanent, responseCode }: NodemailerError): Outcome {
  const reason = [code, command, responseCode].filter(Boolean).join(' ') || 'unknown'
  const forGood = permanent === true && (command === 'RCPT TO' || command === 'DATA')
  return { kind: forGood ? 'refused' : 'failed', reason }
}
