import { type KeyPair, newKeyPair, newSigningKeyPair, type SigningKeyPair, sign } from './curve.ts'
import { proto, ROOT_SERIAL } from './wa.ts'

/** Who the server is: its root key, the chain that starts from it, and the key of the Noise handshake. */
export interface ServerIdentity {
  rootKey: Buffer
  noise: KeyPair
  chain: Buffer
}

const DAY_SECONDS = 86_400
const { Details } = proto.CertChain.NoiseCertificate

/**
 * Root, intermediate, leaf, in the shape in which WhatsApp sends it: the client checks that the intermediate is
 * signed by the root it trusts, and the leaf by the intermediate. The private halves of both signers are dropped.
 */
export function createServerIdentity(nowSeconds: number): ServerIdentity {
  const root = newSigningKeyPair()
  const intermediate = newSigningKeyPair()
  const noise = newKeyPair()
  const certificate = (signer: SigningKeyPair, fields: { serial: number; issuerSerial: number; key: Buffer }) => {
    const validity = { notBefore: nowSeconds - DAY_SECONDS, notAfter: nowSeconds + 3650 * DAY_SECONDS }
    const details = Details.encode({ ...validity, ...fields }).finish()
    return { details, signature: sign(signer, details) }
  }
  const chain = proto.CertChain.encode({
    intermediate: certificate(root, { serial: 1, issuerSerial: ROOT_SERIAL, key: intermediate.public }),
    leaf: certificate(intermediate, { serial: 2, issuerSerial: 1, key: noise.public }),
  }).finish()
  return { rootKey: root.public, noise, chain: Buffer.from(chain) }
}

export const packIdentity = (identity: ServerIdentity): string =>
  JSON.stringify({
    rootKey: identity.rootKey.toString('base64'),
    public: identity.noise.public.toString('base64'),
    private: identity.noise.private.toString('base64'),
    chain: identity.chain.toString('base64'),
  })

export function unpackIdentity(text: string): ServerIdentity {
  const row: Record<'rootKey' | 'public' | 'private' | 'chain', string> = JSON.parse(text)
  const bytes = (name: keyof typeof row) => Buffer.from(row[name], 'base64')
  return {
    rootKey: bytes('rootKey'),
    noise: { public: bytes('public'), private: bytes('private') },
    chain: bytes('chain'),
  }
}
