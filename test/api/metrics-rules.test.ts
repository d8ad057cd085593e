import { readFileSync } from 'node:fs'
import { parser } from '@prometheus-io/lezer-promql'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { JOBS } from '../../src/jobs/run.ts'
import { type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { type Exposition, type Sample, scrape } from '../support/exposition.ts'

/** The alerts and the dashboard, against what a running server tells. */

interface Rule {
  alert: string
  expr: string
  for: string
  labels: { severity: string }
  annotations: { summary: string; description: string }
}

const rules = (load(readFileSync('ops/prometheus/alerts.yml', 'utf8')) as Json).groups.flatMap(
  (group: Json) => group.rules,
) as Rule[]
const dashboard: Json = JSON.parse(readFileSync('ops/grafana/wataki.json', 'utf8'))
const panels: Json[] = dashboard.panels.filter(({ type }: Json) => type !== 'row')
const queries: [string, string][] = [
  ...rules.map(({ alert, expr }): [string, string] => [alert, expr]),
  ...panels.flatMap(({ title, targets }) => targets.map(({ expr }: Json): [string, string] => [title, expr])),
]

let wataki: TestApp
let told: Exposition
beforeAll(async () => {
  wataki = await openTestApp()
  const caller = await wataki.tenant()
  const { id } = (await caller.post('/v1/instances', { name: 'bot' })).body
  const leave = new AbortController()
  await fetch(`${wataki.url}/graphql`, {
    method: 'POST',
    headers: { 'x-api-key': caller.apiKey, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: `subscription { messageReceived(instanceId: "${id}") { id } }` }),
    signal: leave.signal,
  })
  const metrics = () => scrape(`${wataki.url}/metrics`)
  told = await until(metrics, now => now.has('wataki_http_requests_total') && now.has('wataki_subscriptions_open'))
  leave.abort()
})
afterAll(() => wataki?.close())

/** Labels that Prometheus adds, and those of a histogram. */
const OF_PROMETHEUS = ['job', 'instance', 'le']
/** Whose values depend on what was called. */
const OPEN = ['wataki_http_requests_total', 'wataki_http_request_seconds_bucket']

interface Selector {
  metric: string
  matchers: { label: string; operator: string; value: string }[]
}

/** What is wrong with a query, as sentences. */
function amiss(query: string): string[] {
  const text = query.replaceAll('$__rate_interval', '5m')
  const problems: string[] = []
  const selectors: Selector[] = []
  const grouped: string[] = []
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      const part = text.slice(from, to)
      if (type.isError) problems.push(`cannot be read at ${from}: ${text.slice(from, from + 20)}`)
      if (type.name === 'GroupingLabels') grouped.push(...(part.match(/\w+/g) ?? []))
      if (type.name !== 'VectorSelector') return
      const metric = node.getChild('Identifier')
      const matchers = [...part.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(([, label, operator, value]) => ({
        label: label!,
        operator: operator!,
        value: value!,
      }))
      selectors.push({ metric: metric ? text.slice(metric.from, metric.to) : '', matchers })
    },
  })
  const known = new Set(OF_PROMETHEUS)
  for (const { metric, matchers } of selectors) {
    const samples = told.samples.filter(({ name }) => name === metric)
    if (samples.length === 0) problems.push(`there is no ${metric}`)
    for (const label of labelsOf(samples)) known.add(label)
    for (const matcher of matchers) problems.push(...mismatch(metric, matcher, samples))
  }
  if (selectors.length === 0) problems.push('it asks for nothing')
  for (const label of grouped) if (!known.has(label)) problems.push(`nothing it asks for has the label ${label}`)
  return problems
}

const labelsOf = (samples: Sample[]): string[] => [...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))]

function mismatch(
  metric: string,
  { label, operator, value }: Selector['matchers'][number],
  samples: Sample[],
): string[] {
  if (OF_PROMETHEUS.includes(label)) return []
  if (!labelsOf(samples).includes(label)) return [`${metric} has no label ${label}`]
  if (OPEN.includes(metric)) return []
  const values = operator.endsWith('~') ? value.split('|') : [value]
  const strange = values.filter(each => !samples.some(({ labels }) => labels[label] === each))
  return strange.map(each => `${metric} has no ${label} "${each}"`)
}

describe('what is asked of Prometheus', () => {
  it('can be read, is told by a running server, and names no label and no value that there is not', () => {
    expect(queries.flatMap(([where, query]) => amiss(query).map(problem => `${where}: ${problem}`))).toEqual([])
  })

  it('is caught when it is not', () => {
    for (const query of [
      'rate(wataki_messages_total[5m]',
      'sum by (status) wataki_messages_total)',
      'wataki_mesages_total',
      'wataki_messages_total{state="failed"}',
      'wataki_messages_total{status="fialed"}',
      'wataki_instances{state=~"error|broken"}',
      'sum by (tenant) (wataki_messages_total)',
      'histogram_quantile(0.9, wataki_message_ack_seconds)',
      '1 + 1',
    ]) {
      expect(amiss(query), query).toHaveLength(1)
    }
  })
})

describe('the alerts', () => {
  it('are several, each with how long, how bad, what is so and what to do', () => {
    expect(rules.length).toBeGreaterThanOrEqual(8)
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    for (const { alert, for: lasting, labels, annotations } of rules) {
      expect(alert).toMatch(/^Wataki[A-Z]\w+$/)
      expect(lasting, alert).toMatch(/^\d+[sm]$/)
      expect(['critical', 'warning'], alert).toContain(labels.severity)
      expect(annotations.summary, alert).toMatch(/^.{20,120}\.$/)
      expect(annotations.description, alert).toMatch(/^.{40,400}\.$/)
      for (const [, label] of `${annotations.summary} ${annotations.description}`.matchAll(/\$labels\.(\w+)/g)) {
        expect([...OF_PROMETHEUS, 'task'], alert).toContain(label)
      }
    }
  })

  it('tell of each job that always fails, however seldom it runs', () => {
    const { expr } = rules.find(({ alert }) => alert === 'WatakiJobsFail')!
    const clauses = [...expr.matchAll(/outcome="failed"\}\[(\d+)([mh])\]\)\) > (\d+)/g)].map(
      ([, count, unit, over]) => ({
        windowMs: Number(count) * (unit === 'h' ? 3_600_000 : 60_000),
        over: Number(over),
      }),
    )
    // One of them may have been just before, and one may be just due.
    const isTold = (everyMs: number) => clauses.some(({ windowMs, over }) => windowMs / everyMs - 1 > over)
    expect(JOBS.filter(({ everyMs }) => !isTold(everyMs)).map(({ name }) => name)).toEqual([])
  })

  it('name series and words of the log that exist', () => {
    const names = new Set(told.samples.map(({ name }) => name.replace(/_(bucket|sum|count)$/, '')))
    for (const { alert, annotations } of rules) {
      for (const [name] of annotations.description.matchAll(/\bwataki_\w+/g)) expect(names, alert).toContain(name)
    }
  })
})

describe('the dashboard', () => {
  it('has its panels in rows, each with a unit, a sentence and names for its lines, beside each other', () => {
    const rows = dashboard.panels.filter(({ type }: Json) => type === 'row').map(({ title }: Json) => title)
    expect(rows).toEqual(['Messages', 'Webhooks', 'Instances', 'API', 'Nodes and database'])
    expect(panels.length).toBeGreaterThanOrEqual(12)
    expect(new Set(dashboard.panels.map(({ id }: Json) => id)).size).toBe(dashboard.panels.length)
    const taken = new Set<string>()
    for (const { title, description, fieldConfig, targets, gridPos } of panels) {
      expect([description, fieldConfig.defaults.unit], title).toEqual([
        expect.stringMatching(/\.$/),
        expect.any(String),
      ])
      expect(new Set(targets.map(({ refId }: Json) => refId)).size, title).toBe(targets.length)
      for (const { legendFormat, datasource } of targets) {
        expect([legendFormat, datasource.uid], title).toEqual([expect.stringMatching(/\S/), `$${'{datasource}'}`])
      }
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        expect(x, title).toBeLessThan(24)
        expect(taken, title).not.toContain(`${x} ${gridPos.y}`)
        taken.add(`${x} ${gridPos.y}`)
      }
    }
  })
})
