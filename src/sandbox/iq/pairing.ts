import { bytesOf, child, el } from '../stanza.ts'
import { BAD_REQUEST, type IqHandlers } from './answer.ts'

/** The two stanzas of a client that is linked by a code. It has no device yet. */
export const pairingHandlers: IqHandlers = {
  'get w:p': () => undefined,
  'set md link_code_companion_reg': ({ conn, node }) => {
    const { sim } = conn
    const request = child(node, 'link_code_companion_reg')
    if (!request || !conn.registration) return BAD_REQUEST
    if (request.attrs.stage === 'companion_finish') {
      conn.afterReply.push(() => sim.pairing.finished(conn, request))
      return undefined
    }
    const pn = request.attrs.jid?.split('@')[0] ?? ''
    const wrappedEphemeral = bytesOf(child(request, 'link_code_pairing_wrapped_companion_ephemeral_pub'))
    if (wrappedEphemeral.length !== 80) return BAD_REQUEST
    sim.pairing.codeRequested(pn, { conn, wrappedEphemeral })
    sim.events.emit('codeRequested', pn)
    const ref = el('link_code_pairing_ref', {}, Buffer.from('sandbox-ref'))
    return [el('link_code_companion_reg', { stage: 'companion_hello' }, [ref])]
  },
}
