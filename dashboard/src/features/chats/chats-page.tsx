import { Trans, useLingui } from '@lingui/react/macro'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { MessageSquare, MessageSquarePlus } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { addressOf, phone, useFormat } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Field } from '../../ui/field.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { useNameOf, usePeople } from '../sandbox/people.ts'
import { VirtualPhone } from '../sandbox/virtual-phone.tsx'
import { ChatsDocument } from './chat-queries.ts'
import { Conversation } from './conversation.tsx'
import { useTypeName } from './message-type.ts'
import { useLiveMessages } from './use-messages.ts'

type Chat = ResultOf<typeof ChatsDocument>['chats']['data'][number]

const CHATS_SHOWN = 100

export function ChatsPage() {
  const { id, sandbox } = useInstance()
  const { chatId } = useParams({ strict: false })
  useLiveMessages(id)
  const [{ data, error }, retry] = useQuery({ query: ChatsDocument, variables: { instanceId: id, limit: CHATS_SHOWN } })
  const chats = data?.chats.data
  const chat = chats?.find(each => each.id === chatId)
  const nameOf = useNameOf()
  const name = chatId ? nameOf(chatId, chat?.name) : null
  const contact = /^(\d+)@s\.whatsapp\.net$/.exec(chatId ?? '')?.[1]
  return (
    <div className="mx-auto flex max-w-7xl gap-6 p-4 sm:px-8 sm:py-6">
      <div className="flex h-[calc(100dvh-13.5rem)] min-h-[32rem] min-w-0 flex-1 overflow-hidden rounded-xl border bg-panel shadow-card">
        <div className={`${chatId ? 'hidden md:flex' : 'flex'} w-full shrink-0 flex-col border-r md:w-72`}>
          <NewChat />
          {error && !chats ? (
            <Failure error={error} onRetry={retry} />
          ) : chats ? (
            <ChatList chats={chats} />
          ) : (
            <Loading />
          )}
        </div>
        {chatId ? (
          <Conversation key={chatId} chatId={chatId} name={name} isGroup={chat?.isGroup ?? chatId.endsWith('@g.us')} />
        ) : (
          <div className="hidden flex-1 place-items-center md:grid">
            <NoneChosen isEmpty={chats?.length === 0} />
          </div>
        )}
      </div>
      {sandbox && (
        <div className="hidden xl:block">
          <VirtualPhone contact={contact} name={name} />
        </div>
      )}
    </div>
  )
}

function NoneChosen({ isEmpty }: { isEmpty: boolean }) {
  const { t } = useLingui()
  return isEmpty ? (
    <Empty icon={MessageSquare} title={t`No chats yet`}>
      <Trans>Write to a number, and the chat appears here. What the phone syncs comes, too.</Trans>
    </Empty>
  ) : (
    <Empty icon={MessageSquare} title={t`Choose a chat`} />
  )
}

function ChatList({ chats }: { chats: Chat[] }) {
  const { t } = useLingui()
  const { sandbox } = useInstance()
  if (chats.length === 0 && sandbox) return <SandboxContacts />
  if (chats.length === 0) {
    return (
      <p className="p-5 text-center text-soft">
        <Trans>No chats yet. Begin with “New chat”.</Trans>
      </p>
    )
  }
  return (
    <nav aria-label={t`Chats`} className="min-h-0 flex-1 overflow-y-auto">
      <ul>
        {chats.map(chat => (
          <ChatRow key={chat.id} chat={chat} />
        ))}
      </ul>
    </nav>
  )
}

/** Where there is nobody to write to yet: the numbers with a meaning. */
function SandboxContacts() {
  const { t } = useLingui()
  const { id: instanceId } = useInstance()
  return (
    <nav aria-label={t`Contacts of the sandbox`} className="min-h-0 flex-1 overflow-y-auto">
      <p className="px-4 py-3 text-[13px] text-soft">
        <Trans>No chats yet. Write to one of the sandbox’s contacts:</Trans>
      </p>
      <ul className="border-t">
        {usePeople().map(({ digits, name, habit }) => (
          <li key={digits}>
            <Link
              to="/i/$instanceId/chats/$chatId"
              params={{ instanceId, chatId: `${digits}@s.whatsapp.net` }}
              className="flex flex-col gap-0.5 border-b px-4 py-3 hover:bg-sunken data-[status=active]:bg-sunken"
            >
              <span className="flex items-baseline gap-2">
                <span className="mr-auto font-medium">{name}</span>
                <span className="private shrink-0 text-[12px] text-soft">{phone(digits)}</span>
              </span>
              <span className="text-[13px] text-soft">{habit}</span>
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function ChatRow({ chat }: { chat: Chat }) {
  const { t } = useLingui()
  const { time } = useFormat()
  const typeName = useTypeName()
  const nameOf = useNameOf()
  const { id, instanceId, name, phoneNumber, lastMessage, lastMessageAt, unreadCount } = chat
  const content = lastMessage?.content
  const last = content?.__typename === 'TextContent' ? content.text : lastMessage ? typeName(lastMessage.type) : ''
  return (
    <li>
      <Link
        to="/i/$instanceId/chats/$chatId"
        params={{ instanceId, chatId: id }}
        className="flex flex-col gap-0.5 border-b px-4 py-3 hover:bg-sunken data-[status=active]:bg-sunken"
      >
        <span className="flex items-baseline gap-2">
          <span className="private mr-auto truncate font-medium">
            {nameOf(id, name) ?? (phoneNumber ? phone(phoneNumber) : addressOf(id))}
          </span>
          {lastMessageAt && <span className="shrink-0 text-[12px] text-soft">{time(lastMessageAt)}</span>}
        </span>
        <span className="flex items-center gap-2">
          <span className="private mr-auto truncate text-[13px] text-soft">
            {lastMessage?.direction === 'outbound' && `${t`You`}: `}
            {last}
          </span>
          {unreadCount > 0 && (
            <span className="grid h-5 min-w-5 place-items-center rounded-full bg-brand px-1.5 font-semibold text-[11px] text-on-brand">
              <span className="sr-only">
                <Trans>Unread:</Trans>
              </span>
              {unreadCount}
            </span>
          )}
        </span>
      </Link>
    </li>
  )
}

function NewChat() {
  const { t } = useLingui()
  const { id } = useInstance()
  const navigate = useNavigate()
  const [isOpen, setOpen] = useState(false)
  const [to, setTo] = useState('')
  const digits = to.replace(/[^\d]/g, '')
  const close = () => setOpen(false)
  return (
    <div className="border-b p-3">
      <Button icon={MessageSquarePlus} className="w-full" onClick={() => setOpen(true)}>
        <Trans>New chat</Trans>
      </Button>
      <Dialog open={isOpen} onClose={close} title={t`New chat`}>
        <form
          onSubmit={event => {
            event.preventDefault()
            close()
            void navigate({
              to: '/i/$instanceId/chats/$chatId',
              params: { instanceId: id, chatId: `${digits}@s.whatsapp.net` },
            })
          }}
        >
          <Field
            label={t`Phone number`}
            hint={t`In international form. Brazilian mobiles: with the ninth digit.`}
            type="tel"
            placeholder="+55 11 99999-9999"
            value={to}
            onChange={event => setTo(event.target.value)}
            required
          />
          <DialogActions>
            <Button onClick={close}>{t`Cancel`}</Button>
            <Button type="submit" look="primary" disabled={digits.length < 8 || digits.length > 15}>
              {t`Open`}
            </Button>
          </DialogActions>
        </form>
      </Dialog>
    </div>
  )
}
