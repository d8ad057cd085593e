import { createContext, lazy, type ReactNode, Suspense, useCallback, useContext, useRef, useState } from 'react'

export interface Said {
  id: number
  text: string
  tone: 'ok' | 'danger'
}

const Toaster = lazy(() => import('./toaster.tsx').then(({ Toaster }) => ({ default: Toaster })))

const Saying = createContext<(text: string, tone?: Said['tone']) => void>(() => {})

/** Says in a corner what came of it. */
export const useToast = () => useContext(Saying)

export function ToastProvider({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<Said[]>([])
  const last = useRef(0)
  const say = useCallback((text: string, tone: Said['tone'] = 'ok') => {
    const id = ++last.current
    setSaid(before => [...before.slice(-2), { id, text, tone }])
  }, [])
  return (
    <Saying value={say}>
      {children}
      {last.current > 0 && (
        <Suspense>
          <Toaster said={said} onGone={gone => setSaid(before => before.filter(({ id }) => id !== gone))} />
        </Suspense>
      )}
    </Saying>
  )
}
