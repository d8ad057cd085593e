import { randomBytes } from 'node:crypto'
import type { SentMessage } from './chat-log.ts'
import type { Companion } from './companion.ts'
import { mediaIn } from './content.ts'
import { mediaRetryKey } from './media-keys.ts'
import { openGcm, sealGcm } from './noise.ts'
import { bytesOf, child, el } from './stanza.ts'
import { type BinaryNode, proto } from './wa.ts'

const { ResultType } = proto.MediaRetryNotification
const IV_BYTES = 12

/**
 * A device found that the media host has a file no more, and asks the phone, which uploads it again and tells where:
 * both sealed with a key made of the media's own, so that the server learns nothing.
 */
export async function answerMediaRetry(companion: Companion, node: BinaryNode): Promise<void> {
  const { person, sim } = companion
  const id = node.attrs.id ?? ''
  const about = child(node, 'rmr')
  const item = about && sentMessage(companion, id, about)
  const media = item && mediaIn(item.message)?.media
  const attrs = { from: person.jid(), type: 'mediaretry', id, t: sim.now() }
  const rmr = el('rmr', about?.attrs ?? {})
  if (!media?.mediaKey) {
    companion.deliver(el('notification', attrs, [rmr, el('error', { code: ResultType.NOT_FOUND })]))
    return
  }
  const key = mediaRetryKey(media.mediaKey)
  const answer = proto.MediaRetryNotification.encode({
    stanzaId: id,
    ...(isSealedWith(key, id, node)
      ? await uploadAgain(companion, media.url ?? '')
      : { result: ResultType.DECRYPTION_ERROR }),
  }).finish()
  const iv = randomBytes(IV_BYTES)
  const sealed = [el('enc_p', {}, sealGcm(answer, key, iv, Buffer.from(id))), el('enc_iv', {}, iv)]
  companion.deliver(el('notification', attrs, [rmr, el('encrypt', {}, sealed)]))
}

/** Only what a simulated phone has sent is on any phone; what a linked device sent itself it has itself. */
function sentMessage(companion: Companion, id: string, about: BinaryNode): SentMessage | undefined {
  const { person, sim } = companion
  const { jid = '', participant, from_me: fromMe } = about.attrs
  if (fromMe !== 'true') {
    const author = sim.resolve(participant ?? jid)?.person
    return author && sim.chats.sent(person.pn, author.pn, id)
  }
  const group = sim.groups.get(jid)
  const other = sim.resolve(jid)?.person
  return sim.chats.sentToOneOf(person.pn, group ? group.numbers() : other ? [other.pn] : [], id)
}

function isSealedWith(key: Buffer, id: string, node: BinaryNode): boolean {
  const sealed = child(node, 'encrypt')
  try {
    const plain = openGcm(bytesOf(child(sealed, 'enc_p')), key, bytesOf(child(sealed, 'enc_iv')), Buffer.from(id))
    return proto.ServerErrorReceipt.decode(plain).stanzaId === id
  } catch {
    return false
  }
}

async function uploadAgain(companion: Companion, url: string): Promise<proto.IMediaRetryNotification> {
  const { media } = companion.sim
  const blob = await media.read(url)
  if (!blob) return { result: ResultType.NOT_FOUND }
  const { pathname } = new URL((await media.publish(companion.person.pn, blob)).url)
  return { result: ResultType.SUCCESS, directPath: pathname }
}
