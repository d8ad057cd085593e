/** What a webhook is sent: `data` is JSON already, and goes as it is, so that every try has the same bytes. */
export function envelope(event: { id: string; event: string; instanceId: string; at: Date; data: string }): string {
  const head = JSON.stringify({
    id: event.id,
    event: event.event,
    instance_id: event.instanceId,
    timestamp: event.at.toISOString(),
  })
  return `${head.slice(0, -1)},"data":${event.data}}`
}
