import { useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { phone } from '../../app/format.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Card } from '../../ui/card.tsx'
import { SandboxBadge, StateBadge } from '../instances/state-badge.tsx'
import { useConnection } from '../instances/use-connection.ts'
import type { HomeDocument } from './home-page.tsx'

type Instance = ResultOf<typeof HomeDocument>['instances']['data'][number]

const SHOWN = 6

export function RecentInstances({ instances }: { instances: Instance[] }) {
  const { t } = useLingui()
  return (
    <Card
      flush
      title={t`Instances`}
      actions={
        <Link to="/instances" className="text-brand-ink underline-offset-4 hover:underline">{t`All instances`}</Link>
      }
    >
      <ul className="divide-y">
        {instances.slice(0, SHOWN).map(instance => (
          <Row key={instance.id} instance={instance} />
        ))}
      </ul>
    </Card>
  )
}

function Row({ instance }: { instance: Instance }) {
  useConnection(instance.id)
  const { id, name, phoneNumber, sandbox, status } = instance
  return (
    <li>
      <Link
        to="/i/$instanceId"
        params={{ instanceId: id }}
        className="flex flex-wrap items-center gap-x-3 gap-y-1 px-5 py-3 hover:bg-sunken"
      >
        <span className="truncate font-medium">{name}</span>
        {sandbox && <SandboxBadge />}
        {phoneNumber && <span className="private text-[13px] text-soft">{phone(phoneNumber)}</span>}
        <span className="ml-auto">
          <StateBadge state={status.state} />
        </span>
      </Link>
    </li>
  )
}
