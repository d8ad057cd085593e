import { listIn, type Params, paramsIn, textIn, textsIn } from './form.ts'
import { listOf, type PortalSession, type Session } from './objects.ts'
import { newId, type State } from './state.ts'
import { noSuch, required, wrong } from './trouble.ts'

/** The calls of Stripe's API that are made here, each in its published shape. */

export interface Call {
  params: Params
  /** What the path names. */
  id: string
}

export interface Api {
  /** Null: there is no such call. */
  find(method: string, path: string): ((params: Params) => object) | null
}

const HALF_HOUR_SECONDS = 1800
const DAY_SECONDS = 86_400

export function createApi(state: State, url: () => string): Api {
  const calls: [method: string, path: RegExp, run: (call: Call) => object][] = [
    ['GET', /^\/v1\/account$/, () => ({ id: state.accountId, object: 'account', charges_enabled: true })],
    ['POST', /^\/v1\/customers$/, createCustomer],
    ['GET', /^\/v1\/customers\/(\w+)$/, ({ id }) => found(state.customers, 'customer', id)],
    ['GET', /^\/v1\/prices\/(\w+)$/, ({ id }) => found(state.prices, 'price', id)],
    ['POST', /^\/v1\/checkout\/sessions$/, createSession],
    ['GET', /^\/v1\/checkout\/sessions\/(\w+)$/, ({ id }) => sessionOf(id)],
    ['POST', /^\/v1\/checkout\/sessions\/(\w+)\/expire$/, expireSession],
    ['GET', /^\/v1\/subscriptions$/, listSubscriptions],
    ['GET', /^\/v1\/subscriptions\/(\w+)$/, ({ id }) => found(state.subscriptions, 'subscription', id)],
    ['DELETE', /^\/v1\/subscriptions\/(\w+)$/, cancelSubscription],
    ['GET', /^\/v1\/invoice_payments$/, listPayments],
    ['POST', /^\/v1\/refunds$/, createRefund],
    ['GET', /^\/v1\/billing_portal\/configurations$/, listConfigurations],
    ['POST', /^\/v1\/billing_portal\/configurations$/, createConfiguration],
    ['POST', /^\/v1\/billing_portal\/sessions$/, createPortal],
  ]
  return {
    find(method, path) {
      for (const [wanted, pattern, run] of calls) {
        const match = method === wanted ? pattern.exec(path) : null
        if (match) return params => run({ params, id: match[1] ?? '' })
      }
      return null
    },
  }

  function createCustomer({ params }: Call): object {
    const customer = {
      ...state.common(newId('cus')),
      object: 'customer' as const,
      email: textIn(params, 'email') ?? null,
      name: textIn(params, 'name') ?? null,
      metadata: textsIn(paramsIn(params, 'metadata')),
    }
    state.customers.set(customer.id, customer)
    state.tell('customer.created', customer)
    return customer
  }

  function createSession({ params }: Call): object {
    if (textIn(params, 'mode') !== 'subscription') throw wrong('Only the mode subscription is known here.', 'mode')
    const customer = found(state.customers, 'customer', needed(params, 'customer'), 'customer')
    const [item] = listIn(params, 'line_items')
    const price = found(state.prices, 'price', needed(item, 'price', 'line_items[0][price]'), 'line_items[0][price]')
    const expiresAt = Number(textIn(params, 'expires_at') ?? state.now + DAY_SECONDS)
    const leftSeconds = expiresAt - state.now
    if (!(leftSeconds >= HALF_HOUR_SECONDS && leftSeconds <= DAY_SECONDS)) {
      throw wrong('The `expires_at` timestamp must be between 30 minutes and 24 hours from now.', 'expires_at')
    }
    const id = newId('cs_test')
    const session: Session = {
      ...state.common(id),
      object: 'checkout.session',
      metadata: textsIn(paramsIn(params, 'metadata')),
      amount_total: price.unit_amount,
      cancel_url: textIn(params, 'cancel_url') ?? null,
      client_reference_id: textIn(params, 'client_reference_id') ?? null,
      currency: 'usd',
      customer: customer.id,
      expires_at: expiresAt,
      invoice: null,
      mode: 'subscription',
      payment_status: 'unpaid',
      status: 'open',
      subscription: null,
      success_url: needed(params, 'success_url'),
      url: `${url()}/c/pay/${id}`,
    }
    state.sessions.set(id, session)
    state.wanted.set(id, price)
    return session
  }

  /** By the clock of who looks: an hour that has passed closes it. */
  function sessionOf(id: string): Session {
    const session = found(state.sessions, 'checkout.session', id)
    if (session.status === 'open' && session.expires_at <= state.now) state.expire(session)
    return session
  }

  function expireSession({ id }: Call): object {
    const session = sessionOf(id)
    state.expire(session)
    return session
  }

  function listSubscriptions({ params }: Call): object {
    const customer = textIn(params, 'customer')
    if (customer) found(state.customers, 'customer', customer, 'customer')
    const all = textIn(params, 'status') === 'all'
    const matching = [...state.subscriptions.values()]
      .reverse()
      .filter(each => (!customer || each.customer === customer) && (all || each.status !== 'canceled'))
    return paged('/v1/subscriptions', matching, params)
  }

  function cancelSubscription({ id }: Call): object {
    const subscription = found(state.subscriptions, 'subscription', id)
    state.cancel(subscription)
    return subscription
  }

  function listPayments({ params }: Call): object {
    const invoice = textIn(params, 'invoice')
    const matching = [...state.payments.values()].filter(each => !invoice || each.invoice === invoice)
    return paged('/v1/invoice_payments', matching, params)
  }

  function createRefund({ params }: Call): object {
    return state.refund(needed(params, 'payment_intent'), textIn(params, 'reason') ?? null)
  }

  function listConfigurations({ params }: Call): object {
    return paged('/v1/billing_portal/configurations', [...state.configurations.values()].reverse(), params)
  }

  function createConfiguration({ params }: Call): object {
    const features = paramsIn(params, 'features')
    if (!features) throw required('features')
    const configuration = {
      ...state.common(newId('bpc')),
      object: 'billing_portal.configuration' as const,
      metadata: textsIn(paramsIn(params, 'metadata')),
      active: true as const,
      features,
      is_default: false as const,
    }
    state.configurations.set(configuration.id, configuration)
    return configuration
  }

  function createPortal({ params }: Call): object {
    const customer = found(state.customers, 'customer', needed(params, 'customer'), 'customer')
    const configuration = needed(params, 'configuration')
    found(state.configurations, 'configuration', configuration, 'configuration')
    const id = newId('bps')
    const { metadata: _, ...common } = state.common(id)
    const portal: PortalSession = {
      ...common,
      object: 'billing_portal.session',
      configuration,
      customer: customer.id,
      flow: flowIn(paramsIn(params, 'flow_data')),
      return_url: textIn(params, 'return_url') ?? null,
      url: `${url()}/p/session/${id}`,
    }
    state.portals.set(id, portal)
    return portal
  }

  function flowIn(flow: Params | undefined): PortalSession['flow'] {
    if (!flow) return null
    if (textIn(flow, 'type') !== 'subscription_update_confirm')
      throw wrong('This flow is not known here.', 'flow_data[type]')
    const confirm = paramsIn(flow, 'subscription_update_confirm')
    const subscription = needed(confirm, 'subscription')
    found(state.subscriptions, 'subscription', subscription, 'subscription')
    const price = needed(listIn(confirm, 'items')[0], 'price')
    found(state.prices, 'price', price, 'price')
    return { type: 'subscription_update_confirm', subscription_update_confirm: { subscription, price } }
  }
}

function needed(params: Params | undefined, name: string, param = name): string {
  const value = textIn(params, name)
  if (value === undefined) throw required(param)
  return value
}

export function found<T>(things: Map<string, T>, what: string, id: string, param?: string): T {
  const thing = things.get(id)
  if (!thing) throw noSuch(what, id, param)
  return thing
}

function paged<T extends { id: string }>(url: string, all: T[], params: Params): object {
  const limit = Math.min(100, Math.max(1, Number(textIn(params, 'limit') ?? 10)))
  const after = textIn(params, 'starting_after')
  const start = after ? all.findIndex(each => each.id === after) + 1 : 0
  return listOf(url, all.slice(start, start + limit), all.length > start + limit)
}
