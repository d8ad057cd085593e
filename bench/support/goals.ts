/** The benches that have a goal, in the order in which they are run and shown. */

/** Settings of the short form. What is made once and kept is made by the first run, outside of its time. */
export const SHORT: Record<string, Record<string, string>> = {
  'rest-read': {},
  'rest-list': {},
  'graphql-read': {},
  send: {},
  receive: {},
  sessions: { IDLE_SECONDS: '5' },
  restart: {},
  webhooks: { ONLY: '1' },
  door: { ROUNDS: '5' },
  log: {},
  observability: { MANY: '200000', ASKED: '100' },
  failover: {},
}

export interface Goal {
  what: string
  against: string
  goal: string
}

export const GOALS: Record<string, Goal> = {
  'rest-read': {
    what: '`GET /v1/instances/{id}`',
    against:
      'a route of Fastify, written by hand, with the same statements through `pg`, key check and limiter included',
    goal: '≥ 0.9 ×',
  },
  'rest-list': {
    what: 'A page of 50 messages of many',
    against: 'the same of Fastify',
    goal: '≥ 0.8 ×; page 1,000 within 1.1 × of page 1',
  },
  'graphql-read': {
    what: 'One object, and 50 with what they hold',
    against: 'Yoga as it comes, on the same resolvers',
    goal: '≥ 1.5 ×, at most 10 statements',
  },
  send: {
    what: 'Texts over 50 instances, and over one',
    against: "loops of Baileys' `sendMessage` to the same sandbox, keys in memory",
    goal: '50: ≥ 0.6 ×; one: ≥ 0.4 ×; p99 to the 202 ≤ 3 × its ack',
  },
  receive: {
    what: 'From a contact to a subscription and to a webhook',
    against: '`messages.upsert` of bare Baileys',
    goal: '≥ 0.6 ×; p50 at most 5 ms more',
  },
  sessions: {
    what: 'Connected instances with nothing to do',
    against: 'as many bare sockets of Baileys, keys in memory',
    goal: '≤ 1.1 × the memory of each; event loop p99 ≤ 50 ms',
  },
  restart: { what: '1,000 instances after `kill -9`', against: '–', goal: 'all connected within 60 s, no scan' },
  webhooks: {
    what: 'Deliveries to a receiver on loopback',
    against: 'a bare loop of POSTs by undici',
    goal: '≥ 0.5 ×',
  },
  door: {
    what: 'Key check, limiter and log',
    against: 'the same route with nothing but their one statement',
    goal: '≤ 30 µs of processor beside the statement',
  },
  log: { what: 'The line of a request, alone', against: 'pino alone', goal: '–' },
  observability: { what: 'Six reports, few messages and many', against: 'themselves', goal: '≤ 1.2 ×' },
  failover: {
    what: 'Three nodes, 300 instances, one killed and one frozen',
    against: '–',
    goal: '≤ 20 s, nothing lost, nothing doubled',
  },
}
