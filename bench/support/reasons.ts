/** Why a goal is missed, as its profile says; or what is to be known of a figure. Shown below the table of the bench. */
export const REASONS: Record<string, string> = {
  'rest-read':
    'The resolver, its input and its JSON are 5 µs of it. Both servers spend the most on writing to the sockets of PostgreSQL and of the caller; what this one does besides is its turnstile, gate, log, metrics and count of calls.',
  'rest-list': 'Of a page of 50 the compiled document takes about 90 µs and its JSON 26; the row is copied once.',
}
