import { createRootRoute, createRoute, createRouter, lazyRouteComponent, Outlet } from '@tanstack/react-router'
import type { State } from '../features/instances/state-badge.tsx'
import { Loading } from '../ui/states.tsx'
import { Gate } from './gate.tsx'
import { NotFound } from './not-found.tsx'

/** Every address there is. Its first part is also in the server's list (`src/http/dashboard.ts`). */

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound })
const gate = createRoute({ getParentRoute: () => root, id: 'gate', component: Gate })

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  component: lazyRouteComponent(() => import('../features/sign-in/sign-in-page.tsx'), 'SignInPage'),
})

const home = createRoute({
  getParentRoute: () => gate,
  path: '/',
  component: lazyRouteComponent(() => import('../features/home/home-page.tsx'), 'HomePage'),
})

const instances = createRoute({
  getParentRoute: () => gate,
  path: '/instances',
  validateSearch: (search): { text?: string; state?: State } => ({
    text: text(search.text),
    state: text(search.state) as State | undefined,
  }),
  component: lazyRouteComponent(() => import('../features/instances/instances-page.tsx'), 'InstancesPage'),
})

const instance = createRoute({
  getParentRoute: () => gate,
  path: '/i/$instanceId',
  component: lazyRouteComponent(() => import('../features/instances/instance-layout.tsx'), 'InstanceLayout'),
})

const overview = createRoute({
  getParentRoute: () => instance,
  path: '/',
  validateSearch: (search): { connect?: boolean } => (search.connect ? { connect: true } : {}),
  component: lazyRouteComponent(() => import('../features/instances/instance-page.tsx'), 'InstancePage'),
})

const chatsPage = lazyRouteComponent(() => import('../features/chats/chats-page.tsx'), 'ChatsPage')
const chats = createRoute({ getParentRoute: () => instance, path: '/chats', component: chatsPage })
const chat = createRoute({ getParentRoute: () => instance, path: '/chats/$chatId', component: chatsPage })

const webhooks = createRoute({
  getParentRoute: () => instance,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('../features/webhooks/webhooks-page.tsx'), 'WebhooksPage'),
})

const webhook = createRoute({
  getParentRoute: () => instance,
  path: '/webhooks/$webhookId',
  validateSearch: (search): { status?: 'pending' | 'delivered' | 'failed'; delivery?: string } => ({
    status: (['pending', 'delivered', 'failed'] as const).find(each => each === search.status),
    delivery: text(search.delivery),
  }),
  component: lazyRouteComponent(() => import('../features/webhooks/webhook-page.tsx'), 'WebhookPage'),
})

const sandbox = createRoute({
  getParentRoute: () => instance,
  path: '/sandbox',
  component: lazyRouteComponent(() => import('../features/sandbox/sandbox-page.tsx'), 'SandboxPage'),
})

const instanceSettings = createRoute({
  getParentRoute: () => instance,
  path: '/settings',
  component: lazyRouteComponent(
    () => import('../features/instances/instance-settings-page.tsx'),
    'InstanceSettingsPage',
  ),
})

const events = createRoute({
  getParentRoute: () => gate,
  path: '/events',
  validateSearch: (search): { instance?: string; type?: string; text?: string } => ({
    instance: text(search.instance),
    type: text(search.type),
    text: text(search.text),
  }),
  component: lazyRouteComponent(() => import('../features/events/events-page.tsx'), 'EventsPage'),
})

export const RANGES = ['24h', '7d', '30d', '90d'] as const
export type Range = (typeof RANGES)[number]

const usage = createRoute({
  getParentRoute: () => gate,
  path: '/usage',
  validateSearch: (search): { range?: Range } => ({ range: RANGES.find(range => range === search.range) }),
  component: lazyRouteComponent(() => import('../features/usage/usage-page.tsx'), 'UsagePage'),
})

const billing = createRoute({
  getParentRoute: () => gate,
  path: '/billing',
  component: lazyRouteComponent(() => import('../features/billing/billing-page.tsx'), 'BillingPage'),
})

const settings = createRoute({
  getParentRoute: () => gate,
  path: '/settings',
  validateSearch: (search): { create?: boolean } => (search.create ? { create: true } : {}),
  component: lazyRouteComponent(() => import('../features/settings/settings-page.tsx'), 'SettingsPage'),
})

const playground = createRoute({
  getParentRoute: () => gate,
  path: '/playground',
  component: lazyRouteComponent(() => import('../features/playground/playground-page.tsx'), 'PlaygroundPage'),
})

const docs = createRoute({
  getParentRoute: () => root,
  path: '/docs',
  component: lazyRouteComponent(() => import('../features/reference/reference-page.tsx'), 'ReferencePage'),
})

export const router = createRouter({
  routeTree: root.addChildren([
    login,
    docs,
    gate.addChildren([
      home,
      instances,
      instance.addChildren([overview, chats, chat, webhooks, webhook, sandbox, instanceSettings]),
      events,
      usage,
      billing,
      settings,
      playground,
    ]),
  ]),
  defaultPendingComponent: Loading,
  defaultPendingMs: 150,
  defaultPreload: 'intent',
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
