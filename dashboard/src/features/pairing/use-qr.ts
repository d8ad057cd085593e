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

export interface Code {
  qr: string
  /** Which one it is, since this page listens. */
  number: number
  /** Of its life. */
  leftMs: number
  lifeMs: number
}

interface Told {
  qr: string
  expiresMs: number
  number: number
  lifeMs: number
}

/** The present code of an instance while it is good, by the server's clock; null before, between and after. */
export function useQr(instanceId: string, eventCount: number): Code | null {
  const [after] = useState(() => String(Math.max(0, eventCount - EVENTS_BACK)))
  const [now, setNow] = useState(serverNowMs)
  const [{ data: told }] = useSubscription(
    { query: QrDocument, variables: { instanceId, after } },
    (before: Told | undefined, { qrUpdated: { qr, expiresAt } }): Told => {
      const expiresMs = Date.parse(expiresAt)
      if (before && before.expiresMs >= expiresMs) return before
      return { qr, expiresMs, number: (before?.number ?? 0) + 1, lifeMs: Math.max(expiresMs - serverNowMs(), 1) }
    },
  )
  useEffect(() => {
    const timer = setInterval(() => setNow(serverNowMs()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  if (!told) return null
  const leftMs = told.expiresMs - Math.max(now, serverNowMs())
  return leftMs <= 0 ? null : { qr: told.qr, number: told.number, leftMs, lifeMs: told.lifeMs }
}
