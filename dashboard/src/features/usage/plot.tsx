import { useLingui } from '@lingui/react'
import { useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { theme } from '../../app/preferences.ts'

export interface Line {
  label: string
  color: 'brand' | 'info' | 'warn' | 'danger'
  values: number[]
}

const HEIGHT_PX = 220
const FONT = '12px "Inter Variable", system-ui, sans-serif'

/** Lines over time; zero is drawn as zero, and an empty plot still has its axes. */
export function Plot({ label, at, lines }: { label: string; at: string[]; lines: Line[] }) {
  const box = useRef<HTMLDivElement>(null)
  const chosen = theme.use()
  const { i18n } = useLingui()
  // biome-ignore lint/correctness/useExhaustiveDependencies: colours are those of the theme
  useEffect(() => {
    const element = box.current!
    const plot = new UPlot(optionsFor(element, lines, i18n.locale), dataOf(at, lines), element)
    const watch = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      plot.destroy()
    }
  }, [at, lines, chosen, i18n.locale])
  return <div ref={box} role="img" aria-label={label} className="min-h-[220px] w-full" />
}

const dataOf = (at: string[], lines: Line[]): UPlot.AlignedData => [
  at.map(each => Date.parse(each) / 1000),
  ...lines.map(({ values }) => values),
]

function optionsFor(element: HTMLElement, lines: Line[], locale: string): UPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const color = (name: string) => style.getPropertyValue(`--${name}`).trim()
  const axis = { stroke: color('soft'), font: FONT, grid: { stroke: color('line'), width: 1 }, ticks: { show: false } }
  const number = new Intl.NumberFormat(locale, { notation: 'compact' })
  const day = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' })
  const hour = new Intl.DateTimeFormat(locale, { hour: 'numeric' })
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] } },
    axes: [
      {
        ...axis,
        size: 28,
        space: 64,
        values: (_plot, splits, _axis, _space, incr) =>
          splits.map(each => (incr >= 86_400 ? day : hour).format(new Date(each * 1000))),
      },
      {
        ...axis,
        size: 44,
        values: (_plot, splits) => splits.map(each => (Number.isInteger(each) ? number.format(each) : '')),
      },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name }) => {
        const stroke = color(name === 'brand' ? 'brand-ink' : name)
        return { label, stroke, width: 2, points: { show: false }, fill: name === 'brand' ? `${stroke}1f` : undefined }
      }),
    ],
  }
}
