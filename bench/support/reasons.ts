/** Why a goal is missed, as its profile says; or what is to be known of a figure. Shown below the table of the bench. */
export const REASONS: Record<string, string> = {
  'rest-read':
    'The resolver, its input and its JSON are 5 µs of it. Both servers spend the most on writing to the sockets of PostgreSQL and of the caller; what this one does besides is its turnstile, gate, log, metrics and count of calls.',
  'rest-list':
    'Fastify writes what PostgreSQL gave; here each of the 50 rows becomes an object, is read field by field as the schema says, and is written in the order of the schema. The profile has no single place: collection of garbage 12 %, writing to sockets 21 %, reading of rows 15 %, the compiled document and its JSON 8 %, cursors 5 %, and 30 % in more than a hundred functions below 1 % each. Page 1,000 is as quick as page 1.',
  'graphql-read':
    'Plain Yoga checks no key, counts no request and writes no line; both run the query with the same executor, which with promises, entities and garbage takes most of it (garbage alone 17 %). Queries of callers could be run by compiled code, in half the time, and are not: the compiler writes literals into code (decision 020). Without that there is nothing in this comparison that could be 1.5 times as quick.',
  send: 'Bare Baileys keeps keys in memory, and nothing else. Here a message costs 5 to 7 statements, as it is stored before the answer, claimed under a lease, its keys are stored before its stanza is written, and each change of status is stored with its event. Of the two cores PostgreSQL takes a quarter, the sandbox and the callers a third, as beside bare Baileys, and the server 4.8 ms a message: of that 28 % is writing to the sockets of PostgreSQL, 9 % collection of garbage, 8 % Baileys, 7 % making keys of bytes for each cipher of Noise and Signal, and the rest is spread thin. One at a time, an answer comes after five round trips to PostgreSQL, one after the other, and the one to WhatsApp.',
  receive:
    'Bare Baileys acknowledges before anything is kept. Here a message is acknowledged when it, its chat, its event, its deliveries and the keys that it was read with are stored; of one instance they are stored one transaction after the other, as their order and their keys want it, so that the rate is that of transactions and not of the processor.',
  webhooks:
    'A bare POST to loopback costs 40 µs of both sides. A delivery is a row that is claimed, guarded against addresses inside (resolved, checked, connected to that address), signed, and written down with its answer, in 20s; PostgreSQL has one of the two cores for that. The peer that was measured for orientation does 1,700 a second, keeps nothing, and loses what fails.',
  door: 'The statement of key check and limiter is one, and pipelined. What is beside it is sha256 of the key, the turnstile, the context of the request, headers of the limiter, and the count of the call by route and hour.',
  failover:
    'The median is within the goal and the longest is not: two servers of three are lost at once, and 200 to 300 instances have to log in on the one that is left. Up to 8 s are the lease; the rest is the processor of the two cores that also carry the callers, the network, PostgreSQL and, for the killed one, the start of its successor. With 200 instances it is 8 to 18 s (docs/scaling.md).',
}
