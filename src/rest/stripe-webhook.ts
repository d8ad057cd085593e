import { invalid } from '../errors.ts'
import { stripeOf } from '../resolvers/billing/at-stripe.ts'
import { onStripeEvent } from '../resolvers/billing/onStripeEvent.ts'
import { addProblem, noProblems } from '../schema/problems.ts'
import { answer, answerError, apiErrorOf } from './answer.ts'
import { Room, readBody } from './body.ts'
import { BODY, EVERY_ANSWER, ref } from './openapi-errors.ts'
import type { SignedRoute } from './rest.ts'

/** Stripe's events, by the very bytes that it has signed. */

/** Whoever sends it may be anybody, and passes no turnstile: others' bodies do not wait for theirs. */
const ROOM = new Room(8 * 1_048_576)

export const stripeWebhook: SignedRoute = {
  path: '/billing/stripe-webhook',
  tag: 'Billing',
  description: {
    operationId: 'stripeWebhook',
    summary: 'Events of Stripe',
    description: 'Where Stripe sends its signed events. Nothing but the signature lets anybody in.',
    parameters: [
      {
        name: 'Stripe-Signature',
        in: 'header',
        required: true,
        description: 'As Stripe makes it of the time and the body.',
        schema: { type: 'string' },
      },
    ],
    requestBody: {
      required: true,
      description: 'An event, as Stripe writes it.',
      content: { [BODY]: { schema: { type: 'object', additionalProperties: true } } },
    },
    responses: {
      200: {
        description: 'It was taken.',
        headers: EVERY_ANSWER,
        content: {
          [BODY]: { schema: { type: 'object', required: ['received'], properties: { received: { const: true } } } },
        },
      },
      400: ref('BadRequest'),
      409: ref('Conflict'),
      413: ref('TooLarge'),
      429: ref('RateLimited'),
      default: ref('Error'),
    },
  },
  async serve(exchange, { query }, charge) {
    const { req, ctx } = exchange
    const problems = noProblems()
    for (const [name] of new URLSearchParams(query)) addProblem(problems, name, 'is not a known parameter')
    for (const _ in problems) return answerError(exchange, invalid(problems), { spelled: true })
    // Before anything is read.
    stripeOf(ctx)
    const header = req.headers['stripe-signature']
    const signature = Array.isArray(header) ? header.join() : header
    try {
      await onStripeEvent(ctx, { body: await readBody(req, ROOM), signature })
    } catch (error) {
      if (apiErrorOf(error)?.code === 'validation_error') await charge()
      throw error
    }
    answer(exchange, 200, '{"received":true}')
  },
}
