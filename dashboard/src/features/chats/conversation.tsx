import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { ArrowLeft, Braces } from 'lucide-react'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useMutation, useQuery } from 'urql'
import { addressOf } from '../../app/format.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { Bubble, type Message } from './bubble.tsx'
import { CallSamples } from './call-samples.tsx'
import { MessagesDocument, ReadDocument } from './chat-queries.ts'
import { Composer } from './composer.tsx'

const SHOWN = 50
const SHOWN_MAX = 200
/** Who is so near to the end reads along. */
const NEAR_PX = 120

export function Conversation({ chatId, name, isGroup }: { chatId: string; name: string | null; isGroup: boolean }) {
  const { t } = useLingui()
  const { id } = useInstance()
  const [limit, setLimit] = useState(SHOWN)
  const [isShowingCall, setShowingCall] = useState(false)
  const [{ data, error }, retry] = useQuery({ query: MessagesDocument, variables: { instanceId: id, chatId, limit } })
  // Newest first, as the server gives them.
  const messages = data?.messages.data.filter(each => each !== null)
  const lastText = messages?.find(each => each.direction === 'outbound' && each.content.__typename === 'TextContent')
  const sample = lastText?.content.__typename === 'TextContent' ? lastText.content.text : t`Hello from Wataki!`
  useReadReceipts(id, messages)
  return (
    <section aria-label={t`Chat`} className="flex min-w-0 flex-1 flex-col">
      <header className="flex items-center gap-3 border-b px-4 py-3">
        <Link
          to="/i/$instanceId/chats"
          params={{ instanceId: id }}
          aria-label={t`All chats`}
          className="rounded-lg p-1.5 hover:bg-sunken md:hidden"
        >
          <ArrowLeft className="size-4" aria-hidden />
        </Link>
        <div className="mr-auto min-w-0">
          <h2 className="private truncate font-semibold">{name ?? addressOf(chatId)}</h2>
          {name && !isGroup && <p className="private truncate text-[13px] text-soft">{addressOf(chatId)}</p>}
        </div>
        <Button size="sm" icon={Braces} onClick={() => setShowingCall(true)}>
          <Trans>Show the call</Trans>
        </Button>
      </header>
      {error && !messages ? (
        <div className="flex-1 p-4">
          <Failure error={error} onRetry={retry} />
        </div>
      ) : messages ? (
        <Messages
          messages={messages}
          isGroup={isGroup}
          onOlder={data?.messages.page.nextCursor && limit < SHOWN_MAX ? () => setLimit(limit + SHOWN) : null}
        />
      ) : (
        <div className="flex-1">
          <Loading />
        </div>
      )}
      <Composer chatId={chatId} />
      <Dialog
        wide
        open={isShowingCall}
        onClose={() => setShowingCall(false)}
        title={t`The same, from your program`}
        lead={t`This page uses nothing but the public API.`}
      >
        <CallSamples instanceId={id} chatId={chatId} text={sample} />
      </Dialog>
    </section>
  )
}

function Messages({
  messages,
  isGroup,
  onOlder,
}: {
  messages: Message[]
  isGroup: boolean
  onOlder: (() => void) | null
}) {
  const { t } = useLingui()
  const box = useRef<HTMLDivElement>(null)
  const isNear = useRef(true)
  const newest = messages[0]?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever there is a newer one
  useLayoutEffect(() => {
    if (box.current && isNear.current) box.current.scrollTop = box.current.scrollHeight
  }, [newest])
  return (
    <div
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      role="log"
      aria-label={t`Messages`}
      onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
        isNear.current = scrollHeight - scrollTop - clientHeight < NEAR_PX
      }}
      className="flex min-h-0 flex-1 flex-col gap-2 overflow-y-auto bg-bg p-4"
    >
      {onOlder && (
        <Button size="sm" look="quiet" className="self-center" onClick={onOlder}>
          <Trans>Older messages</Trans>
        </Button>
      )}
      {messages.length === 0 && (
        <p className="m-auto text-soft">
          <Trans>No messages yet. Write the first one.</Trans>
        </p>
      )}
      {messages.toReversed().map(message => (
        <Bubble key={message.id} message={message} isGroup={isGroup} />
      ))}
    </div>
  )
}

/** What is on screen has been read: the newest received message is said to be, once. */
function useReadReceipts(instanceId: string, messages: Message[] | undefined): void {
  const [, markRead] = useMutation(ReadDocument)
  const newest = messages?.find(each => each.direction === 'inbound')
  const messageId = newest && newest.status !== 'read' ? newest.id : undefined
  useEffect(() => {
    if (messageId && document.visibilityState === 'visible') void markRead({ instanceId, messageId })
  }, [instanceId, messageId, markRead])
}
