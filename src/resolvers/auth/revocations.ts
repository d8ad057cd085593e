/** What has ceased to be good: one key, one session, or, with neither, everything of the tenant. */
export interface Revocation {
  tenantId: string
  apiKeyId?: string
  sessionId?: string
}

/**
 * Tells streams at once, here and on other nodes, that the credentials they were opened with are gone. Whatever is not
 * heard of, as are the operator's commands, is found by asking the database: `stillGood`.
 */
export interface Revocations {
  /** Call it after the commit. */
  publish(revocation: Revocation): void
  /** Another node has revoked it. */
  hear(revocation: Revocation): void
  /** `listener` must not throw. The answer ends the listening. */
  onRevoked(listener: (revocation: Revocation) => void): () => void
}

/** `published`: told of each that was revoked here. */
export function createRevocations(published: (revocation: Revocation) => void): Revocations {
  const listeners = new Set<(revocation: Revocation) => void>()
  const hear = (revocation: Revocation) => {
    for (const listener of [...listeners]) listener(revocation)
  }
  return {
    publish(revocation) {
      hear(revocation)
      published(revocation)
    },
    hear,
    onRevoked(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
