import { Trans, useLingui } from '@lingui/react/macro'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { Smartphone } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { phone, useFormat } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Card } from '../../ui/card.tsx'
import { inputClass, Select } from '../../ui/field.tsx'
import { Page } from '../../ui/page.tsx'
import { Pager } from '../../ui/pager.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { FIRST_PAGE, InstancesDocument } from './instance-queries.ts'
import { NewInstance } from './new-instance.tsx'
import { SandboxBadge, type State, StateBadge, useStateName } from './state-badge.tsx'
import { TrySandbox } from './try-sandbox.tsx'
import { useConnection } from './use-connection.ts'

type Instance = ResultOf<typeof InstancesDocument>['instances']['data'][number]

const STATES: State[] = [
  'connected',
  'connecting',
  'reconnecting',
  'qr_required',
  'disconnected',
  'logged_out',
  'error',
]

export function InstancesPage() {
  const { t } = useLingui()
  return (
    <Page
      title={t`Instances`}
      lead={t`Each instance is one WhatsApp account.`}
      actions={
        <>
          <TrySandbox />
          <NewInstance />
        </>
      }
    >
      <Card flush>
        <InstancesList />
      </Card>
    </Page>
  )
}

function InstancesList() {
  const { t } = useLingui()
  const { text = '', state } = useSearch({ from: '/gate/instances' })
  const navigate = useNavigate({ from: '/instances' })
  const [cursors, setCursors] = useState<(string | null)[]>([null])
  const [{ data, error, fetching }, retry] = useQuery({
    query: InstancesDocument,
    variables: { ...FIRST_PAGE, cursor: cursors.at(-1) },
  })
  const name = useStateName()
  if (error && !data)
    return (
      <div className="p-5">
        <Failure error={error} onRetry={retry} />
      </div>
    )
  if (!data) return <Loading rows={fetching ? 4 : 1} />
  const { data: all, page } = data.instances
  if (all.length === 0) {
    return (
      <Empty
        icon={Smartphone}
        title={t`No instances yet`}
        actions={
          <>
            <TrySandbox look="primary" />
            <NewInstance look="secondary" />
          </>
        }
      >
        <Trans>Pair the phone of a WhatsApp account, or try everything with a virtual phone first.</Trans>
      </Empty>
    )
  }
  const wanted = text.toLowerCase()
  const shown = all.filter(
    each =>
      (!state || each.status.state === state) &&
      `${each.name} ${each.id} ${each.phoneNumber ?? ''}`.toLowerCase().includes(wanted),
  )
  return (
    <>
      <div className="flex flex-wrap gap-3 border-b p-3">
        <input
          type="search"
          aria-label={t`Filter by name, number or id`}
          placeholder={t`Filter by name, number or id`}
          className={`${inputClass} max-w-xs`}
          value={text}
          onChange={event => navigate({ search: { text: event.target.value || undefined, state }, replace: true })}
        />
        <Select
          bare
          label={t`State`}
          value={state ?? ''}
          onChange={event =>
            navigate({
              search: { text: text || undefined, state: (event.target.value || undefined) as State },
              replace: true,
            })
          }
        >
          <option value="">{t`All states`}</option>
          {STATES.map(each => (
            <option key={each} value={each}>
              {name(each)}
            </option>
          ))}
        </Select>
      </div>
      <ul className="divide-y">
        {shown.map(instance => (
          <Row key={instance.id} instance={instance} />
        ))}
      </ul>
      {shown.length === 0 && <p className="p-5 text-soft">{t`None is like that.`}</p>}
      <Pager cursors={cursors} next={page.nextCursor} onTurn={setCursors} />
    </>
  )
}

function Row({ instance }: { instance: Instance }) {
  const { t } = useLingui()
  const { ago, dateTime } = useFormat()
  useConnection(instance.id)
  const { name, phoneNumber, sandbox, status } = instance
  return (
    <li>
      <Link
        to="/i/$instanceId"
        params={{ instanceId: instance.id }}
        className="flex flex-wrap items-center gap-x-4 gap-y-1 px-5 py-3.5 hover:bg-sunken"
      >
        <span className="min-w-0 flex-1 basis-52">
          <span className="flex items-center gap-2">
            <span className="truncate font-medium">{name}</span>
            {sandbox && <SandboxBadge />}
          </span>
          <span className="private block truncate text-[13px] text-soft">
            {phoneNumber ? phone(phoneNumber) : t`No phone linked yet`}
          </span>
        </span>
        <span className="hidden text-[13px] text-soft sm:block" title={dateTime(status.updatedAt)}>
          {ago(status.updatedAt)}
        </span>
        <StateBadge state={status.state} />
      </Link>
    </li>
  )
}
