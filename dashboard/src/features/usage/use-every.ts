import { useEffect, useRef, useState } from 'react'
import { serverNowMs } from '../../graphql/server-clock.ts'

/** The server's time, told again after so long. */
export function useEvery(ms: number, then?: () => void): number {
  const [now, setNow] = useState(serverNowMs)
  const latest = useRef(then)
  latest.current = then
  useEffect(() => {
    const timer = setInterval(() => {
      setNow(serverNowMs())
      latest.current?.()
    }, ms)
    return () => clearInterval(timer)
  }, [ms])
  return now
}
