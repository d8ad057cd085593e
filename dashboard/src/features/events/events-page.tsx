import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { Activity, Download, Pause, Play, Trash2 } from 'lucide-react'
import { memo, useMemo, useState } from 'react'
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

/** More of it no line has room for. */
const SUMMARY_MAX = 200
/** More than a screen has, and few enough to be drawn anew twice a second. */
const DRAWN = 30
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
  const { number } = useFormat()
  const { instance, type, text } = useSearch({ from: '/gate/events' })
  const [isPaused, setPaused] = useState(false)
  const [drawn, setDrawn] = useState(DRAWN)
  const watched = instances.filter(each => instance === undefined || each.id === instance).slice(0, WATCHED_MAX)
  const { events, count, waiting, clear } = useEvents(watched, isPaused)
  const names = useMemo(() => new Map(instances.map(each => [each.id, each.name])), [instances])
  const wanted = text?.toLowerCase()
  const shown = useMemo(
    () =>
      events.filter(
        each =>
          (type === undefined || each.event === type) && (wanted === undefined || writtenOut(each).includes(wanted)),
      ),
    [events, type, wanted],
  )
  return (
    <Card flush>
      <div className="flex flex-wrap gap-3 border-b p-3">
        <Filters instances={instances} />
        <span className="ml-auto flex flex-wrap gap-2">
          <Button icon={isPaused ? Play : Pause} aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
            {isPaused ? t`Go on (${waiting})` : t`Pause`}
          </Button>
          <Button icon={Download} disabled={shown.length === 0} onClick={() => download(shown)}>{t`Download`}</Button>
          <Button icon={Trash2} disabled={events.length === 0} onClick={clear}>{t`Clear`}</Button>
        </span>
      </div>
      {count > events.length && (
        <p className="border-b px-5 py-2 text-[13px] text-soft tabular-nums">
          <Trans>
            The newest {number(events.length)} of {number(count)} events.
          </Trans>
        </p>
      )}
      {shown.length === 0 ? (
        <Empty icon={Activity} title={events.length === 0 ? t`Waiting for events…` : t`None is like that`}>
          {events.length === 0 && <Trans>Send a message or link a phone, and you see it here at once.</Trans>}
        </Empty>
      ) : (
        <div role="log" aria-label={t`Events`} aria-live="off" className="divide-y">
          {shown.slice(0, drawn).map(event => (
            <Row key={event.id} event={event} instance={names.get(event.instanceId) ?? ''} />
          ))}
        </div>
      )}
      {shown.length > drawn && (
        <div className="border-t p-3 text-center">
          <Button size="sm" onClick={() => setDrawn(drawn + DRAWN)}>
            {t`Show more (${number(shown.length - drawn)})`}
          </Button>
        </div>
      )}
    </Card>
  )
}

/** Not drawn again with each that comes. */
const Filters = memo(function Filters({ instances }: { instances: Source[] }) {
  const { t } = useLingui()
  const { instance, type, text } = useSearch({ from: '/gate/events' })
  const navigate = useNavigate({ from: '/events' })
  const search = (changed: { instance?: string; type?: string; text?: string }) =>
    void navigate({ search: { instance, type, text, ...changed }, replace: true })
  return (
    <>
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
    </>
  )
})

const written = new WeakMap<LiveEvent, string>()

/** To search in; once. */
function writtenOut(event: LiveEvent): string {
  const known = written.get(event) ?? JSON.stringify(event).toLowerCase()
  written.set(event, known)
  return known
}

/** Many come while one is looked at: what stands is not drawn again, and nothing is written out that is not unfolded. */
const Row = memo(function Row({ event, instance }: { event: LiveEvent; instance: string }) {
  const { clock } = useFormat()
  const [isOpen, setOpen] = useState(false)
  return (
    <div>
      <button
        type="button"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
        className="flex w-full items-center gap-x-4 max-lg:flex-wrap gap-y-0.5 px-5 py-2.5 text-left hover:bg-sunken"
      >
        <time dateTime={event.timestamp} title={event.timestamp} className="text-soft tabular-nums">
          {clock(event.timestamp)}
        </time>
        <span className="font-medium font-mono text-[12.5px]">{dotted(event.event)}</span>
        <span className="max-w-56 shrink-0 truncate text-[13px] text-soft">{instance}</span>
        <span className="private min-w-0 flex-1 basis-40 truncate font-mono text-[12px] text-soft">
          {JSON.stringify(event.data).slice(0, SUMMARY_MAX)}
        </span>
      </button>
      {isOpen && <Payload event={event} />}
    </div>
  )
})

function Payload({ event }: { event: LiveEvent }) {
  const { t } = useLingui()
  const payload = {
    id: event.id,
    event: dotted(event.event),
    instance_id: event.instanceId,
    timestamp: event.timestamp,
    data: event.data,
  }
  return (
    <div className="private px-5 pt-1 pb-4">
      <CodeBlock text={JSON.stringify(payload, null, 2)} label={t`Payload`} />
    </div>
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
