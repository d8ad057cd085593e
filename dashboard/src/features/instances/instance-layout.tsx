import { useLingui } from '@lingui/react/macro'
import { Link, Outlet, useParams } from '@tanstack/react-router'
import { createContext, useContext } from 'react'
import { useQuery } from 'urql'
import { phone } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Code } from '../../ui/copy.tsx'
import { useTitle } from '../../ui/page.tsx'
import { Failure, Loading } from '../../ui/states.tsx'
import { InstanceDocument } from './instance-queries.ts'
import { SandboxBadge, StateBadge } from './state-badge.tsx'
import { useConnection } from './use-connection.ts'

export type Instance = ResultOf<typeof InstanceDocument>['instance']

const InstanceContext = createContext<Instance | null>(null)

/** The instance that the page is about. */
export function useInstance(): Instance {
  const instance = useContext(InstanceContext)
  if (!instance) throw new Error('only for pages of an instance')
  return instance
}

export function InstanceLayout() {
  const { instanceId } = useParams({ from: '/gate/i/$instanceId' })
  useConnection(instanceId)
  const [{ data, error }, retry] = useQuery({ query: InstanceDocument, variables: { instanceId } })
  if (!data)
    return (
      <div className="mx-auto max-w-6xl p-8">{error ? <Failure error={error} onRetry={retry} /> : <Loading />}</div>
    )
  return (
    <InstanceContext value={data.instance}>
      <div className={data.instance.sandbox ? 'min-h-full border-warn border-t-4' : 'min-h-full'}>
        <Head instance={data.instance} />
        <Outlet />
      </div>
    </InstanceContext>
  )
}

function Head({ instance }: { instance: Instance }) {
  const { t } = useLingui()
  const { id, name, phoneNumber, sandbox, status } = instance
  useTitle(name)
  return (
    <div className="border-b bg-panel">
      <div className="mx-auto max-w-6xl px-4 pt-5 sm:px-8">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
          <h1 className="min-w-0 truncate font-semibold text-xl tracking-tight">{name}</h1>
          <StateBadge state={status.state} />
          {sandbox && <SandboxBadge />}
          <span className="flex min-w-0 flex-wrap items-center gap-x-4 sm:ml-auto">
            {phoneNumber && <span className="private whitespace-nowrap text-soft">{phone(phoneNumber)}</span>}
            <Code text={id} />
          </span>
        </div>
        <nav aria-label={t`Instance`} className="-mb-px mt-3 flex gap-1 overflow-x-auto">
          <Tab to="/i/$instanceId" label={t`Overview`} exact />
          <Tab to="/i/$instanceId/chats" label={t`Chats`} />
          <Tab to="/i/$instanceId/webhooks" label={t`Webhooks`} />
          {sandbox && <Tab to="/i/$instanceId/sandbox" label={t`Sandbox`} />}
          <Tab to="/i/$instanceId/settings" label={t`Settings`} />
        </nav>
      </div>
    </div>
  )
}

type Place = '' | '/chats' | '/webhooks' | '/sandbox' | '/settings'

function Tab({ to, label, exact = false }: { to: `/i/$instanceId${Place}`; label: string; exact?: boolean }) {
  const { id } = useInstance()
  return (
    <Link
      to={to}
      params={{ instanceId: id }}
      activeOptions={{ exact, includeSearch: false }}
      className="whitespace-nowrap border-transparent border-b-2 px-3 py-2.5 font-medium text-soft hover:text-ink data-[status=active]:border-brand data-[status=active]:text-ink"
    >
      {label}
    </Link>
  )
}
