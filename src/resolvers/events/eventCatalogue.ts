import { dataSchema, EVENTS, type EventType } from '../../events/payloads.ts'

export interface DescribedEvent {
  event: EventType
  description: string
  /** JSON Schema of its `data`, as webhooks carry it. */
  schema: Record<string, unknown>
}

const catalogue: DescribedEvent[] = (Object.keys(EVENTS) as EventType[]).map(event => ({
  event,
  description: EVENTS[event].description,
  schema: dataSchema(event),
}))

/** Each event there is, with what it carries: made once. */
export const describeEvents = (): DescribedEvent[] => catalogue

export const eventCatalogue = (): { data: DescribedEvent[] } => ({ data: catalogue })
