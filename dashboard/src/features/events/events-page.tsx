import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Activity, Download, Pause, Play, Trash2 } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { CodeBlock } from '../../ui/copy.tsx'
import { inputClass, Select } from '../../ui/field.tsx'
import { Page } from '../../ui/page.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { dotted, WEBHOOK_EVENTS } from '../webhooks/event-names.ts'
import { type LiveEvent, useEvents } from './use-events.ts'

const SourcesDocument = graphql(`
  query EventSources {
    instances(limit: 50) {
      data {
        id
        name
        eventCount
      }
    }
  }
`)

/** One socket carries no more than a hundred operations. */
const WATCHED_MAX = 50

export function EventsPage() {
  const { t } = useLingui()
  const [{ data, error }, retry] = useQuery({ query: SourcesDocument })
  return (
    <Page title={t`Events`} lead={t`What happens on your instances, as webhooks and subscriptions carry it.`}>
      {error && !data && <Failure error={error} onRetry={() => retry({ requestPolicy: 'network-only' })} />}
      {!data && !error && <Loading rows={5} />}
      {data && <Monitor instances={data.instances.data} />}
    </Page>
  )
}

interface Source {
  id: string
  name: string
  eventCount: number
}

function Monitor({ instances }: { instances: Source[] }) {
  const { t } = useLingui()
  const { instance, type, text } = useSearch({ from: '/gate/events' })
  const navigate = useNavigate({ from: '/events' })
  const [isPaused, setPaused] = useState(false)
  const watched = instances.filter(each => instance === undefined || each.id === instance).slice(0, WATCHED_MAX)
  const { events, waiting, clear } = useEvents(watched, isPaused)
  const wanted = text?.toLowerCase()
  const shown = events.filter(
    each =>
      (type === undefined || each.event === type) &&
      (wanted === undefined || JSON.stringify(each).toLowerCase().includes(wanted)),
  )
  const search = (changed: { instance?: string; type?: string; text?: string }) =>
    void navigate({ search: { instance, type, text, ...changed }, replace: true })
  return (
    <Card flush>
      <div className="flex flex-wrap gap-3 border-b p-3">
        <Select
          bare
          label={t`Instance`}
          value={instance ?? ''}
          onChange={event => search({ instance: event.target.value || undefined })}
        >
          <option value="">{t`All instances`}</option>
          {instances.map(each => (
            <option key={each.id} value={each.id}>
              {each.name}
            </option>
          ))}
        </Select>
        <Select
          bare
          label={t`Type`}
          value={type ?? ''}
          onChange={event => search({ type: event.target.value || undefined })}
        >
          <option value="">{t`All types`}</option>
          {WEBHOOK_EVENTS.map(each => (
            <option key={each} value={each}>
              {dotted(each)}
            </option>
          ))}
        </Select>
        <input
          type="search"
          aria-label={t`Search in events`}
          placeholder={t`Search in events`}
          className={`${inputClass} max-w-56`}
          value={text ?? ''}
          onChange={event => search({ text: event.target.value || undefined })}
        />
        <span className="ml-auto flex flex-wrap gap-2">
          <Button icon={isPaused ? Play : Pause} aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
            {isPaused ? t`Go on (${waiting})` : t`Pause`}
          </Button>
          <Button icon={Download} disabled={shown.length === 0} onClick={() => download(shown)}>{t`Download`}</Button>
          <Button icon={Trash2} disabled={events.length === 0} onClick={clear}>{t`Clear`}</Button>
        </span>
      </div>
      {shown.length === 0 ? (
        <Empty icon={Activity} title={events.length === 0 ? t`Waiting for events…` : t`None is like that`}>
          {events.length === 0 && <Trans>Send a message or link a phone, and you see it here at once.</Trans>}
        </Empty>
      ) : (
        <div role="log" aria-label={t`Events`} aria-live="off" className="divide-y">
          {shown.map(event => (
            <Row
              key={event.id}
              event={event}
              instance={instances.find(each => each.id === event.instanceId)?.name ?? ''}
            />
          ))}
        </div>
      )}
    </Card>
  )
}

function Row({ event, instance }: { event: LiveEvent; instance: string }) {
  const { t } = useLingui()
  const { clock } = useFormat()
  const payload = JSON.stringify(
    {
      id: event.id,
      event: dotted(event.event),
      instance_id: event.instanceId,
      timestamp: event.timestamp,
      data: event.data,
    },
    null,
    2,
  )
  return (
    <details className="group">
      <summary className="flex cursor-pointer flex-wrap items-center gap-x-4 gap-y-0.5 px-5 py-2.5 hover:bg-sunken">
        <time dateTime={event.timestamp} title={event.timestamp} className="text-soft tabular-nums">
          {clock(event.timestamp)}
        </time>
        <span className="font-medium font-mono text-[12.5px]">{dotted(event.event)}</span>
        <span className="text-[13px] text-soft">{instance}</span>
        <span className="private min-w-0 flex-1 basis-40 truncate font-mono text-[12px] text-soft">
          {JSON.stringify(event.data)}
        </span>
      </summary>
      <div className="px-5 pt-1 pb-4">
        <CodeBlock text={payload} label={t`Payload`} />
      </div>
    </details>
  )
}

function download(events: LiveEvent[]): void {
  const lines = events.map(each => JSON.stringify(each)).join('\n')
  const url = URL.createObjectURL(new Blob([lines], { type: 'application/x-ndjson' }))
  const link = document.createElement('a')
  link.href = url
  link.download = 'wataki-events.ndjson'
  link.click()
  URL.revokeObjectURL(url)
}
