import { useEffect, useState } from 'react'
import { useSubscription } from 'urql'
import { graphql } from '../../graphql/graphql.ts'
import { serverNowMs } from '../../graphql/server-clock.ts'

const QrDocument = graphql(`
  subscription Pairing($instanceId: ID!, $after: ID) {
    qrUpdated(instanceId: $instanceId, after: $after) {
      qr
      expiresAt
    }
  }
`)

/** So many events back the present code is found, which may have come before this page. */
const EVENTS_BACK = 5
const TICK_MS = 250
/** What is as good as over cannot be scanned any more. */
const EARLY_MS = 500

export interface Code {
  qr: string
  /** Of its life; below zero once it has expired. */
  leftMs: number
  lifeMs: number
}

interface Told {
  qr: string
  expiresMs: number
  lifeMs: number
}

/** The newest code of an instance, by the server's clock; null before the first. */
export function useQr(instanceId: string, eventCount: number): Code | null {
  const [after] = useState(() => String(Math.max(0, eventCount - EVENTS_BACK)))
  const [now, setNow] = useState(serverNowMs)
  const [{ data: told }] = useSubscription(
    { query: QrDocument, variables: { instanceId, after } },
    (before: Told | undefined, { qrUpdated: { qr, expiresAt } }): Told => {
      const expiresMs = Date.parse(expiresAt) - EARLY_MS
      if (before && before.expiresMs >= expiresMs) return before
      return { qr, expiresMs, lifeMs: Math.max(expiresMs - serverNowMs(), 1) }
    },
  )
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNowMs()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return told ? { qr: told.qr, lifeMs: told.lifeMs, leftMs: told.expiresMs - Math.max(now, serverNowMs()) } : null
}
