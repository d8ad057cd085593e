/** Where the command looks when it is not told. */
const DEFAULT_ORIGIN = 'http://localhost:3000'

/** To hear events on one's own machine. */
export function listenCommand(instanceId?: string): string {
  const at = location.origin === DEFAULT_ORIGIN ? '' : ` --url ${location.origin}`
  const of = instanceId ? ` --instance ${instanceId}` : ''
  return `npm run --silent wataki -- listen${at}${of} --forward-to localhost:4000/hook`
}
