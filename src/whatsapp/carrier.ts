import type { WASocket } from '@whiskeysockets/baileys'
import type { Clock } from '../clock.ts'
import { askPhone } from './media/ask-phone.ts'
import type { DownloadLimits } from './media/download.ts'
import { fetchMedia } from './media/fetch.ts'
import { unpackReference } from './media/reference.ts'
import { composeMedia } from './outbound/compose-media.ts'
import { send } from './outbound/send.ts'
import { lookUp, markRead, presence } from './outbound/small.ts'
import type { Session } from './session.ts'
import type { PhoneAnswer, WhatsApp } from './whatsapp.ts'

type Carried = 'send' | 'composeMedia' | 'markRead' | 'presence' | 'lookUp' | 'fetchMedia' | 'askPhone'

const notConnected = () => ({ kind: 'not_connected' as const })

/** What is done on the socket that an instance has at the moment, and at once. */
export function carrier({
  sessionOf,
  clock,
  limits,
  phoneWaitMs,
}: {
  sessionOf: (instanceId: string) => Session | undefined
  clock: Clock
  limits: DownloadLimits | undefined
  phoneWaitMs: number | undefined
}): Pick<WhatsApp, Carried> {
  const on = async <T>(instanceId: string, work: (socket: WASocket) => Promise<T>, otherwise: () => T): Promise<T> => {
    const session = sessionOf(instanceId)
    return session ? session.onSocket(work, otherwise) : otherwise()
  }
  const ask: WhatsApp['askPhone'] = (instanceId, { reference, key }) => {
    const { mediaKey } = unpackReference(reference)
    return on<PhoneAnswer>(
      instanceId,
      socket => askPhone(socket, { key, mediaKey, waitMs: phoneWaitMs }),
      () => null,
    )
  }
  return {
    async send(instanceId, message) {
      const session = sessionOf(instanceId)
      if (!session) return notConnected()
      return session.onSocket(socket => send(socket, message), notConnected, message.connection)
    },
    composeMedia: (instanceId, media, extras = {}) =>
      on(instanceId, ({ waUploadToServer: upload }) => composeMedia(media, { upload, clock, extras }), notConnected),
    markRead: (instanceId, read) => on(instanceId, socket => markRead(socket, read), notConnected),
    presence: (instanceId, state) => on(instanceId, socket => presence(socket, state), notConnected),
    lookUp: (instanceId, phones) => on(instanceId, socket => lookUp(socket, phones), notConnected),
    fetchMedia: (instanceId, media) =>
      fetchMedia(media, { limits, askPhone: media.askPhone ?? (() => ask(instanceId, media)) }),
    askPhone: ask,
  }
}
