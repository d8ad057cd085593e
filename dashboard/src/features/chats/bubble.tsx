import { Trans, useLingui } from '@lingui/react/macro'
import { Check, CheckCheck, CircleAlert, Clock, SmilePlus } from 'lucide-react'
import { addressOf, useFormat } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Menu } from '../../ui/menu.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { useNameOf } from '../sandbox/people.ts'
import { type MessagesDocument, ReactDocument } from './chat-queries.ts'
import { Content } from './content.tsx'

export type Message = ResultOf<typeof MessagesDocument>['messages']['data'][number]

export function Bubble({ message, isGroup }: { message: Message; isGroup: boolean }) {
  const { time, dateTime } = useFormat()
  const nameOf = useNameOf()
  const { direction, timestamp, editedAt, deletedAt, reactions, error, sender } = message
  const isOut = direction === 'outbound'
  return (
    <div
      className={`group flex max-w-[85%] items-center gap-1 sm:max-w-[70%] ${isOut ? 'flex-row-reverse self-end' : 'self-start'}`}
    >
      <div className={`min-w-0 rounded-2xl border px-3.5 py-2 ${isOut ? 'border-transparent bg-bubble' : 'bg-panel'}`}>
        {isGroup && !isOut && (
          <p className="private font-medium text-[12px] text-brand-ink">{nameOf(sender) ?? addressOf(sender)}</p>
        )}
        <div className="private break-words">
          {deletedAt ? (
            <em className="text-soft">
              <Trans>Deleted</Trans>
            </em>
          ) : (
            <Content message={message} />
          )}
        </div>
        {reactions.length > 0 && <p className="mt-1">{reactions.map(each => each.emoji).join(' ')}</p>}
        {error && <p className="mt-1 text-[13px] text-danger">{error.message}</p>}
        <p className="mt-0.5 flex items-center justify-end gap-1.5 text-[11px] text-soft" title={dateTime(timestamp)}>
          {editedAt && <Trans>edited</Trans>}
          {time(timestamp)}
          {isOut && <Status status={message.status} />}
        </p>
      </div>
      <React message={message} />
    </div>
  )
}

function Status({ status }: { status: Message['status'] }) {
  const { t } = useLingui()
  const [Icon, name, tone] = {
    pending: [Clock, t`Pending`, ''] as const,
    sent: [Check, t`Sent`, ''] as const,
    delivered: [CheckCheck, t`Delivered`, ''] as const,
    read: [CheckCheck, t`Read`, 'text-info'] as const,
    failed: [CircleAlert, t`Failed`, 'text-danger'] as const,
  }[status]
  return (
    <span className={`inline-flex items-center gap-1 ${tone}`}>
      <Icon className="size-3.5" aria-hidden />
      {name}
    </span>
  )
}

const EMOJI = ['👍', '❤️', '😂', '🎉', '🙏']

function React({ message }: { message: Message }) {
  const { t } = useLingui()
  const { id } = useInstance()
  const [, react] = useAction(ReactDocument)
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={t`React`}
          className="grid size-7 place-items-center rounded-full text-soft opacity-0 hover:bg-sunken focus-visible:opacity-100 group-hover:opacity-100 data-[state=open]:opacity-100"
        >
          <SmilePlus className="size-4" aria-hidden />
        </button>
      }
      items={EMOJI.map(emoji => ({
        label: emoji,
        onSelect: () => void react({ instanceId: id, messageId: message.id, input: { emoji } }),
      }))}
    />
  )
}
