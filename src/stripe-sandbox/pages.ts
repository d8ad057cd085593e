import type { Params } from './form.ts'
import { textIn } from './form.ts'
import type { PortalSession, Session, Subscription } from './objects.ts'
import type { State } from './state.ts'
import { StripeTrouble } from './trouble.ts'

/** What a browser sees: a checkout that can be paid, declined or left, and a portal that also makes time pass. */

export interface Page {
  status: number
  html?: string
  /** Instead of a page. */
  location?: string
}

export interface Pages {
  /** Null: there is no such page. `params`: of the button that was pressed; null: none was. */
  serve(path: string, params: Params | null): Page | null
}

export function createPages(state: State): Pages {
  return {
    serve(path, params) {
      const [, kind, id] = /^\/(c\/pay|p\/session)\/(\w+)$/.exec(path) ?? []
      const session = kind === 'c/pay' ? state.sessions.get(id!) : undefined
      const portal = kind === 'p/session' ? state.portals.get(id!) : undefined
      const pressed = params && (textIn(params, 'do') ?? '')
      try {
        if (session) return pressed === null ? checkoutPage(state, session) : onCheckout(state, session, pressed)
        if (portal) return pressed === null ? portalPage(state, portal) : onPortal(state, portal, pressed)
        return null
      } catch (error) {
        if (!(error instanceof StripeTrouble)) throw error
        return { status: 400, html: document('Not so', `<p>${escaped(error.message)}</p>`) }
      }
    },
  }
}

function checkoutPage(state: State, session: Session, note = ''): Page {
  const price = state.wanted.get(session.id)!
  const customer = state.customers.get(session.customer)!
  if (session.status !== 'open')
    return { status: 200, html: document('Checkout', `<p>This checkout is ${session.status}.</p>`) }
  const body = `${note && `<p role="alert">${escaped(note)}</p>`}
<p>${escaped(customer.name ?? '')} (${escaped(customer.email ?? '')})</p>
<p><strong>${escaped(price.nickname)}</strong>, ${money(price.unit_amount)} a month</p>
${buttons([
  ['pay', 'Pay'],
  ['decline', 'Decline'],
  ['cancel', 'Cancel'],
])}`
  return { status: 200, html: document('Checkout', body) }
}

function onCheckout(state: State, session: Session, pressed: string): Page {
  if (pressed === 'cancel') return leadTo(session.cancel_url)
  if (pressed === 'decline') return checkoutPage(state, session, 'The card was declined. Nothing was charged.')
  const { success_url: successUrl } = session
  state.pay(session)
  return leadTo(successUrl?.replace('{CHECKOUT_SESSION_ID}', session.id) ?? null)
}

function portalPage(state: State, portal: PortalSession): Page {
  const confirm = portal.flow?.subscription_update_confirm
  if (confirm) {
    const price = state.prices.get(confirm.price)!
    const body = `<p>Change to <strong>${escaped(price.nickname)}</strong>, ${money(price.unit_amount)} a month?</p>
${buttons([
  ['confirm', 'Confirm'],
  ['back', 'Back'],
])}`
    return { status: 200, html: document('Change of plan', body) }
  }
  const live = liveOf(state, portal)
  const body = live.length === 0 ? '<p>No subscription.</p>' : live.map(each => described(state, each)).join('\n')
  return { status: 200, html: document('Billing', `${body}\n${buttons([['back', 'Back']])}`) }
}

function described(state: State, subscription: Subscription): string {
  const { id, status, cancel_at_period_end: ends, items } = subscription
  const [item] = items.data
  const next = state.scheduled.get(id)
  const end = new Date(item!.current_period_end * 1000).toISOString().slice(0, 10)
  const others = [...state.prices.values()].filter(price => price.id !== item!.price.id)
  const facts = [status, ends ? `ends ${end}` : `paid until ${end}`, ...(next ? [`then ${next.nickname}`] : [])]
  return `<h2>${escaped(item!.price.nickname)}</h2>
<p>${escaped(facts.join(', '))}</p>
${buttons([
  ...others.map(price => [`change ${id} ${price.id}`, `Change to ${price.nickname}`] as const),
  ends ? [`resume ${id}`, 'Do not cancel'] : [`cancel ${id}`, 'Cancel'],
])}
<p>Make time pass:</p>
${buttons([
  [`next ${id}`, 'Next month, paid'],
  [`fail ${id}`, 'Next month, payment fails'],
  ...(status === 'past_due' ? ([[`late ${id}`, 'Pay what is owed']] as const) : []),
])}`
}

const liveOf = (state: State, { customer }: PortalSession): Subscription[] =>
  [...state.subscriptions.values()].filter(each => each.customer === customer && each.status !== 'canceled')

function onPortal(state: State, portal: PortalSession, pressed: string): Page {
  const confirm = portal.flow?.subscription_update_confirm
  if (pressed === 'confirm' && confirm) {
    state.change(state.subscriptions.get(confirm.subscription)!, state.prices.get(confirm.price)!)
    return leadTo(portal.return_url)
  }
  const [verb, id, priceId] = pressed.split(' ')
  const subscription = liveOf(state, portal).find(each => each.id === id)
  if (!subscription) return leadTo(portal.return_url)
  if (verb === 'change') state.change(subscription, state.prices.get(priceId!)!)
  else if (verb === 'cancel' || verb === 'resume') state.cancelLater(subscription, verb === 'cancel')
  else if (verb === 'next' || verb === 'fail') state.nextPeriod(subscription, verb === 'next')
  else if (verb === 'late') state.payLate(subscription)
  return portalPage(state, portal)
}

const leadTo = (url: string | null): Page =>
  url && /^https?:/.test(url) ? { status: 303, location: url } : { status: 200, html: document('Done', '<p>Done.</p>') }

const money = (cents: number): string => `$${(cents / 100).toFixed(2)}`

const buttons = (all: readonly (readonly [value: string, label: string])[]): string =>
  `<form method="post">${all.map(([value, label]) => `<button name="do" value="${escaped(value)}">${escaped(label)}</button>`).join('\n')}</form>`

const document = (title: string, body: string): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}: Stripe stand-in</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem;margin:0 .5rem .5rem 0}small{color:#555}</style></head>
<body><h1>${title}</h1>
${body}
<p><small>A stand-in for Stripe: no money moves.</small></p></body></html>
`

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const escaped = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character]!)
