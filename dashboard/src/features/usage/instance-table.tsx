import { useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Smartphone } from 'lucide-react'
import { useFormat } from '../../app/format.ts'
import { Card } from '../../ui/card.tsx'
import { Empty } from '../../ui/states.tsx'
import { StateBadge } from '../instances/state-badge.tsx'
import type { Usage } from './usage-page.tsx'

export function InstanceTable({ instances }: { instances: Usage['instanceHealth']['data'] }) {
  const { t } = useLingui()
  const { number, percent } = useFormat()
  const heads = [t`Online`, t`Reconnects`, t`Sent`, t`Received`, t`Failed`]
  return (
    <Card flush title={t`Health of instances`}>
      {instances.length === 0 ? (
        <Empty icon={Smartphone} title={t`No instances yet`} />
      ) : (
        <section
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
          tabIndex={0}
          aria-label={t`Health of instances`}
          className="overflow-x-auto"
        >
          <table className="w-full min-w-[44rem] text-left tabular-nums">
            <thead className="text-[13px] text-soft">
              <tr className="border-b">
                <th scope="col" className="px-5 py-2.5 font-medium">{t`Instance`}</th>
                <th scope="col" className="px-5 py-2.5 font-medium">{t`State`}</th>
                {heads.map(head => (
                  <th key={head} scope="col" className="px-5 py-2.5 text-right font-medium">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y">
              {instances.map(each => (
                <tr key={each.id}>
                  <th scope="row" className="px-5 py-2.5 font-medium">
                    <Link
                      to="/i/$instanceId"
                      params={{ instanceId: each.id }}
                      className="underline-offset-4 hover:underline"
                    >
                      {each.name}
                    </Link>
                    {each.lastError && (
                      <span className="block max-w-72 truncate font-normal text-[13px] text-soft">
                        {each.lastError}
                      </span>
                    )}
                  </th>
                  <td className="px-5 py-2.5">
                    <StateBadge state={each.state} />
                  </td>
                  {[
                    each.uptimeRatio === null ? '–' : percent(each.uptimeRatio),
                    ...[each.reconnects, each.sent, each.received, each.failed].map(number),
                  ].map((value, index) => (
                    <td key={heads[index]} className="px-5 py-2.5 text-right">
                      {value}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </Card>
  )
}
