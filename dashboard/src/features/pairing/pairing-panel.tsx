import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { LoaderCircle, QrCode as QrIcon, RotateCw } from 'lucide-react'
import { Tabs } from 'radix-ui'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { ConnectDocument, DisconnectDocument } from '../instances/instance-queries.ts'
import { Countdown } from './countdown.tsx'
import { PairingCode } from './pairing-code.tsx'
import { QrCode } from './qr-code.tsx'
import { useQr } from './use-qr.ts'

const NARROW = '(max-width: 640px)'

/** Links a phone: the code as it changes, how long it is good, and what became of it. */
export function PairingPanel() {
  const { t } = useLingui()
  const { id, status, phoneNumber } = useInstance()
  const [asking, connect] = useAction(ConnectDocument)
  const [, disconnect] = useAction(DisconnectDocument)
  useConnectOnArrival(() => connect({ instanceId: id }))
  // A phone cannot scan its own screen.
  const [way, setWay] = useState(matchMedia(NARROW).matches ? 'code' : 'qr')
  const isTrying = ['connecting', 'qr_required', 'reconnecting'].includes(status.state)
  return (
    <Card
      title={phoneNumber && status.state !== 'logged_out' ? t`Connect again` : t`Link a phone`}
      hint={<Said asking={asking} />}
      actions={
        isTrying && (
          <Button size="sm" look="quiet" onClick={() => disconnect({ instanceId: id })}>
            <Trans>Stop</Trans>
          </Button>
        )
      }
    >
      {isTrying ? (
        <Tabs.Root value={way} onValueChange={setWay}>
          <Tabs.List aria-label={t`How to link`} className="mb-5 inline-grid grid-cols-2 rounded-lg bg-sunken p-1">
            <WayTab value="qr">{t`QR code`}</WayTab>
            <WayTab value="code">{t`Pairing code`}</WayTab>
          </Tabs.List>
          <Tabs.Content value="qr" tabIndex={-1} className="flex flex-wrap items-start gap-x-10 gap-y-6">
            <LiveQr onAgain={() => connect({ instanceId: id })} asking={asking} />
            <Steps />
          </Tabs.Content>
          <Tabs.Content value="code" tabIndex={-1} className="flex flex-wrap items-start gap-x-10 gap-y-6">
            <PairingCode instanceId={id} />
            <Steps />
          </Tabs.Content>
        </Tabs.Root>
      ) : (
        <Start asking={asking} onStart={() => connect({ instanceId: id })} />
      )}
    </Card>
  )
}

const WayTab = ({ value, children }: { value: string; children: string }) => (
  <Tabs.Trigger
    value={value}
    className="h-8 whitespace-nowrap rounded-md px-3 font-medium text-soft data-[state=active]:bg-panel data-[state=active]:text-ink data-[state=active]:shadow-card"
  >
    {children}
  </Tabs.Trigger>
)

/** Who comes from where an instance is made wants it connected. */
function useConnectOnArrival(connect: () => void): void {
  const { connect: isWanted } = useSearch({ from: '/gate/i/$instanceId/' })
  const navigate = useNavigate({ from: '/i/$instanceId' })
  const isDone = useRef(false)
  useEffect(() => {
    if (!isWanted || isDone.current) return
    isDone.current = true
    void navigate({ search: {}, replace: true })
    connect()
  })
}

/** Each state once, for those who do not see the picture. */
function Said({ asking }: { asking: boolean }) {
  const { t } = useLingui()
  const { state } = useInstance().status
  const texts: Partial<Record<typeof state, string>> = {
    connecting: t`Preparing a code…`,
    qr_required: t`Waiting for a phone to scan the code.`,
    reconnecting: t`The connection was lost and is being tried again.`,
    logged_out: t`The phone has removed the link. Link it again.`,
    error: t`WhatsApp refuses the connection.`,
  }
  const text = asking && state === 'disconnected' ? texts.connecting : texts[state]
  return <span role="status">{text ?? t`Not connected.`}</span>
}

function Start({ asking, onStart }: { asking: boolean; onStart: () => void }) {
  const { status, phoneNumber } = useInstance()
  const isLinked = phoneNumber !== null && status.state === 'disconnected'
  return (
    <div className="flex flex-col items-start gap-4">
      <p className="max-w-prose text-soft">
        {isLinked ? (
          <Trans>The phone is still linked: no new scan is needed.</Trans>
        ) : (
          <Trans>A code appears here. Scan it with WhatsApp on the phone, under Linked devices.</Trans>
        )}
      </p>
      <Button look="primary" icon={QrIcon} busy={asking} onClick={onStart}>
        {isLinked ? <Trans>Connect</Trans> : <Trans>Show the code</Trans>}
      </Button>
    </div>
  )
}

const LATE_MS = 15_000

function LiveQr({ onAgain, asking }: { onAgain: () => void; asking: boolean }) {
  const { id, eventCount } = useInstance()
  const code = useQr(id, eventCount)
  const isLate = useIsLate(code === null)
  return (
    <div className="flex w-[288px] max-w-full flex-col items-center gap-3">
      <Frame>
        {code ? (
          <QrCode text={code.qr} />
        ) : isLate ? (
          <div className="flex flex-col items-center gap-3 p-6 text-center">
            <p className="text-soft">
              <Trans>No code came. They ran out, or WhatsApp cannot be reached.</Trans>
            </p>
            <Button icon={RotateCw} busy={asking} onClick={onAgain}>
              <Trans>New code</Trans>
            </Button>
          </div>
        ) : (
          <LoaderCircle className="size-8 animate-spin text-soft" aria-hidden />
        )}
      </Frame>
      <div className="h-5">{code && <Countdown leftMs={code.leftMs} lifeMs={code.lifeMs} />}</div>
    </div>
  )
}

const Frame = ({ children }: { children: ReactNode }) => (
  <div className="grid aspect-square w-full place-items-center rounded-xl border bg-sunken">{children}</div>
)

/** True once there has been none for a while. */
function useIsLate(isMissing: boolean): boolean {
  const [isLate, setLate] = useState(false)
  useEffect(() => {
    setLate(false)
    if (!isMissing) return
    const timer = setTimeout(() => setLate(true), LATE_MS)
    return () => clearTimeout(timer)
  }, [isMissing])
  return isLate
}

function Steps() {
  const { sandbox } = useInstance()
  return (
    <div className="min-w-0 flex-1 basis-64">
      <h3 className="mb-3 font-semibold">
        {sandbox ? <Trans>This one is in the sandbox</Trans> : <Trans>On the phone</Trans>}
      </h3>
      {sandbox ? (
        <p className="max-w-prose text-soft">
          <Trans>No phone is needed: press Scan on the virtual phone. It reads this very code.</Trans>
        </p>
      ) : (
        <ol className="flex list-decimal flex-col gap-2 pl-5 text-soft marker:font-medium marker:text-ink">
          <li>
            <Trans>Open WhatsApp.</Trans>
          </li>
          <li>
            <Trans>Android: tap the three dots. iPhone: tap Settings.</Trans>
          </li>
          <li>
            <Trans>Tap Linked devices, then Link a device.</Trans>
          </li>
          <li>
            <Trans>
              Point the camera at the code, or choose to link with the phone number and type the pairing code.
            </Trans>
          </li>
        </ol>
      )}
    </div>
  )
}
