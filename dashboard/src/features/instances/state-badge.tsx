import { useLingui } from '@lingui/react/macro'
import {
  CheckCircle2,
  CircleAlert,
  CircleDashed,
  LogOut,
  type LucideIcon,
  QrCode,
  RefreshCw,
  Unplug,
} from 'lucide-react'
import type { ResultOf } from '../../graphql/graphql.ts'
import { Badge, type Tone } from '../../ui/badge.tsx'
import type { ConnectionDocument } from './instance-queries.ts'

export type State = ResultOf<typeof ConnectionDocument>['connectionUpdated']['state']

export function useStateName(): (state: State) => string {
  const { t } = useLingui()
  return state =>
    ({
      connected: t`Connected`,
      connecting: t`Connecting`,
      reconnecting: t`Reconnecting`,
      qr_required: t`Waiting for a phone`,
      disconnected: t`Disconnected`,
      logged_out: t`Logged out`,
      error: t`Error`,
    })[state]
}

const LOOKS: Record<State, [Tone, LucideIcon]> = {
  connected: ['ok', CheckCircle2],
  connecting: ['info', CircleDashed],
  reconnecting: ['warn', RefreshCw],
  qr_required: ['info', QrCode],
  disconnected: ['plain', Unplug],
  logged_out: ['warn', LogOut],
  error: ['danger', CircleAlert],
}

export function StateBadge({ state }: { state: State }) {
  const name = useStateName()
  const [tone, icon] = LOOKS[state]
  return (
    <Badge tone={tone} icon={icon}>
      {name(state)}
    </Badge>
  )
}

export function SandboxBadge() {
  const { t } = useLingui()
  return <Badge tone="warn">{t`Sandbox`}</Badge>
}
