import { Trans, useLingui } from '@lingui/react/macro'
import { CheckCircle2 } from 'lucide-react'
import { useFormat } from '../../app/format.ts'
import { Badge } from '../../ui/badge.tsx'
import { Card } from '../../ui/card.tsx'
import { Empty } from '../../ui/states.tsx'
import type { Usage } from './usage-page.tsx'

export function ErrorList({ summary: { byCategory, recent } }: { summary: Usage['errorSummary'] }) {
  const { t } = useLingui()
  const { ago, dateTime, number } = useFormat()
  const names = { api: t`API`, messages: t`Messages`, webhooks: t`Webhooks`, connections: t`Connections` }
  const counts = (Object.keys(names) as (keyof typeof names)[]).map(
    each => `${names[each]}: ${number(byCategory[each])}`,
  )
  return (
    <Card flush title={t`Errors`} hint={counts.join(' · ')}>
      {recent.length === 0 ? (
        <Empty icon={CheckCircle2} title={t`Nothing went wrong`}>
          <Trans>In this time there was no error.</Trans>
        </Empty>
      ) : (
        <ul
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
          tabIndex={0}
          className="max-h-96 divide-y overflow-y-auto"
          aria-label={t`Errors`}
        >
          {recent.map((each, index) => (
            <li
              // biome-ignore lint/suspicious/noArrayIndexKey: they have no id, and two may be alike
              key={index}
              className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-5 py-2.5"
            >
              <Badge>{names[each.category]}</Badge>
              <code className="font-mono text-[12px]">{each.code}</code>
              <span className="min-w-0 flex-1 basis-60 break-words">{each.message}</span>
              <time dateTime={each.at} title={dateTime(each.at)} className="text-[13px] text-soft">
                {ago(each.at)}
              </time>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}
