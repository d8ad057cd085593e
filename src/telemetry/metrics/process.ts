import { collectDefaultMetrics, Registry } from 'prom-client'

/** What asks the system for each open file, or Node for each handle: too much with thousands of sockets. */
const COSTLY = [
  'process_open_fds',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
]
/** Series that nobody looks at: there are eight spaces. */
const IDLE = [
  'nodejs_heap_space_size_total_bytes',
  'nodejs_heap_space_size_used_bytes',
  'nodejs_heap_space_size_available_bytes',
]

let registry: Registry | undefined

/** Memory, processor, event loop and garbage of the process: once for it, however many apps a test opens. */
export function processMetrics(): Registry {
  if (registry) return registry
  registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of [...COSTLY, ...IDLE]) registry.removeSingleMetric(name)
  return registry
}
