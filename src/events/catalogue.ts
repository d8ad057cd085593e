/**
 * Each event and what its payload looks like on the wire: snake_case, as webhooks carry it. Whoever raises an
 * event renders it; nobody else needs to know its shape.
 */
export interface EventData {
  'message.received': RenderedMessage
  'message.status': { message_id: string; chat_id: string; status: string; error: RenderedError | null }
  'connection.update': { state: string; last_error: string | null; updated_at: string }
  'qr.updated': { qr: string; qr_image_data_url: string; expires_at: string }
}

export type EventType = keyof EventData

export interface RenderedError {
  code: string
  message: string
}

/** A message exactly as `GET …/messages/{id}` answers it. */
export interface RenderedMessage {
  id: string
  instance_id: string
  chat_id: string
  lid: string | null
  phone_number: string | null
  sender: string
  direction: string
  type: string
  status: string
  content: Record<string, unknown>
  timestamp: string
  error: RenderedError | null
}

/** One thing that happened. `subject` is the domain object for subscribers in this process. */
export interface HouseEvent<Type extends EventType = EventType, Subject = unknown> {
  id: string
  type: Type
  tenantId: string
  instanceId: string
  at: Date
  data: EventData[Type]
  subject: Subject
}
