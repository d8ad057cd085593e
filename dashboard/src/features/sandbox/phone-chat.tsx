import { Trans, useLingui } from '@lingui/react/macro'
import { useEffect, useRef } from 'react'
import { useQuery, useSubscription } from 'urql'
import { useFormat } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { useInstance } from '../instances/instance-layout.tsx'
import { PhoneDocument, PhoneNewsDocument } from './sandbox-queries.ts'

type Shown = ResultOf<typeof PhoneDocument>['sandboxMessages']['data'][number]

/** What the contact sees, decrypted on its phone. */
export function PhoneChat({ contact }: { contact: string }) {
  const { t } = useLingui()
  const { id } = useInstance()
  const [{ data }, ask] = useQuery({ query: PhoneDocument, variables: { instanceId: id, contact } })
  const [{ data: news }] = useSubscription({ query: PhoneNewsDocument, variables: { instanceId: id } })
  const eventId = news?.eventOccurred.id
  useEffect(() => {
    if (eventId) ask({ requestPolicy: 'network-only' })
  }, [eventId, ask])
  const end = useRef<HTMLDivElement>(null)
  const shown = data?.sandboxMessages.data ?? []
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there are more
  useEffect(() => {
    end.current?.scrollIntoView({ block: 'nearest' })
  }, [shown.length])
  return (
    <div
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      role="log"
      aria-label={t`Messages on the contact’s phone`}
      className="flex min-h-0 flex-1 flex-col gap-1.5 overflow-y-auto p-3"
    >
      {shown.length === 0 && (
        <p className="m-auto max-w-52 text-center text-[13px] text-soft">
          <Trans>Nothing yet. Send to this number, or write from here.</Trans>
        </p>
      )}
      {shown.map(message => (
        <Bubble key={message.whatsappId} message={message} />
      ))}
      <div ref={end} />
    </div>
  )
}

function Bubble({ message }: { message: Shown }) {
  const { time } = useFormat()
  const { fromMe, content, type, deleted, at, reactions } = message
  const text =
    content.__typename === 'TextContent'
      ? content.text
      : content.__typename === 'SandboxMediaContent'
        ? content.caption
        : null
  return (
    <div className={`max-w-[85%] rounded-2xl px-3 py-1.5 ${fromMe ? 'self-end bg-bubble' : 'self-start bg-sunken'}`}>
      <p className="private break-words">
        {deleted ? (
          <em className="text-soft">
            <Trans>Deleted</Trans>
          </em>
        ) : (
          (text ?? <em>{type}</em>)
        )}
        {reactions.length > 0 && <span className="ml-1">{reactions.map(each => each.emoji).join('')}</span>}
      </p>
      <p className="text-right text-[11px] text-soft">{time(at)}</p>
    </div>
  )
}
