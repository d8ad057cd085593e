/** What has ceased to be good: one key, one session, or, with neither, everything of the tenant. */
export interface Revocation {
  tenantId: string
  apiKeyId?: string
  sessionId?: string
}

/**
 * Tells streams of this process at once that the credentials they were opened with are gone. Other nodes, and the
 * operator's commands, are heard of by asking the database: `stillGood`.
 */
export interface Revocations {
  /** Call it after the commit. */
  publish(revocation: Revocation): void
  /** `listener` must not throw. The answer ends the listening. */
  onRevoked(listener: (revocation: Revocation) => void): () => void
}

export function createRevocations(): Revocations {
  const listeners = new Set<(revocation: Revocation) => void>()
  return {
    publish(revocation) {
      for (const listener of [...listeners]) listener(revocation)
    },
    onRevoked(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
