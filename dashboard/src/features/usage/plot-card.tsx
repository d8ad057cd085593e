import { useLingui } from '@lingui/react/macro'
import { ChartLine, Table2 } from 'lucide-react'
import { useState } from 'react'
import { useFormat } from '../../app/format.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { type Line, Plot } from './plot.tsx'

interface Props {
  title: string
  summary: string
  isDaily: boolean
  at: string[]
  lines: Line[]
}

/** A plot says in a sentence what it shows, and is a table for who asks. */
export function PlotCard({ title, summary, isDaily, at, lines }: Props) {
  const { t } = useLingui()
  const [isTable, setTable] = useState(false)
  return (
    <Card
      title={title}
      hint={summary}
      actions={
        <Button
          size="sm"
          look="quiet"
          icon={isTable ? ChartLine : Table2}
          aria-pressed={isTable}
          onClick={() => setTable(!isTable)}
        >
          {isTable ? t`As a plot` : t`As a table`}
        </Button>
      }
    >
      {isTable ? (
        <Numbers title={title} isDaily={isDaily} at={at} lines={lines} />
      ) : (
        <>
          <Plot label={`${title}: ${summary}`} at={at} lines={lines} />
          <ul className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-[13px] text-soft" aria-hidden>
            {lines.map(({ label, color }) => (
              <li key={label} className="flex items-center gap-2">
                <span
                  className="h-0.5 w-4 rounded"
                  style={{ background: `var(--${color === 'brand' ? 'brand-ink' : color})` }}
                />
                {label}
              </li>
            ))}
          </ul>
        </>
      )}
    </Card>
  )
}

function Numbers({ title, isDaily, at, lines }: Omit<Props, 'summary'>) {
  const { t } = useLingui()
  const { number, date, dateTime } = useFormat()
  return (
    <section
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
      tabIndex={0}
      aria-label={title}
      className="max-h-72 overflow-auto"
    >
      <table className="w-full text-left tabular-nums">
        <thead className="text-[13px] text-soft">
          <tr>
            <th scope="col" className="py-1.5 pr-4 font-medium">{t`When`}</th>
            {lines.map(({ label }) => (
              <th key={label} scope="col" className="py-1.5 pr-4 text-right font-medium">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="divide-y">
          {at.map((each, index) => (
            <tr key={each}>
              <th scope="row" className="py-1.5 pr-4 font-normal">
                {isDaily ? date(each) : dateTime(each)}
              </th>
              {lines.map(({ label, values }) => (
                <td key={label} className="py-1.5 pr-4 text-right">
                  {number(values[index] ?? 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
