import { type Cache, cacheExchange, type Data, type KeyGenerator, type UpdateResolver } from '@urql/exchange-graphcache'
import { graphql } from './graphql.ts'
import { askAgain } from './refresh.ts'

/** What is known of the server, by id: one answer or event mends it on every page that shows it. */

const embedded: KeyGenerator = () => null
const ofInstance: KeyGenerator = data => `${data.instanceId}:${data.id}`
const EMBEDDED = [
  ...['ApiKeyList', 'InstancePage', 'InstanceStatus', 'InstanceConfig', 'ConnectResult', 'QrUpdate', 'PageInfo'],
  ...['PlanList', 'Plan', 'Usage', 'BillingCycle', 'UsageCount', 'BillingSubscription', 'UpgradeResult'],
  ...['BillingPortal', 'ChatPage', 'MessagePage', 'MessageMedia', 'TextContent', 'ImageContent', 'VideoContent'],
  ...['AudioContent', 'DocumentContent', 'StickerContent', 'LocationContent', 'ContactCard', 'ContactsContent'],
  ...['UnsupportedContent', 'MessageError', 'Reaction', 'Presence', 'EventPage', 'EventDescription', 'EventCatalogue'],
  ...['MessageFigures', 'MessagePoint', 'DeliveryFigures', 'DeliveryPoint', 'FailedDelivery', 'CallFigures'],
  ...['CallPoint', 'RouteUsage', 'ErrorCounts', 'RecentError', 'MessageStats', 'WebhookStats', 'ApiUsage'],
  ...['InstanceCounts', 'WebhookOverview', 'Overview', 'InstanceHealth', 'InstanceHealthList', 'ErrorSummary'],
  ...['WebhookPage', 'DeliveryTry', 'DeliveryRequest', 'DeliveryPage', 'ReplayedAnswer', 'AuthAnswer', 'VerifyResult'],
  ...['SignedInTenant', 'SandboxMessageList', 'SandboxMessage', 'SandboxMediaContent', 'SandboxMedia', 'SandboxSent'],
  ...['SandboxShownReaction', 'SandboxReceipt', 'SandboxReaction', 'SandboxGroup', 'SandboxFault', 'CreatedApiKey'],
  ...['CreatedWebhook', 'Contact', 'ContactPage', 'CheckedContact', 'CheckedContacts'],
]

const withStatus = graphql(`
  fragment WithStatus on Instance {
    id
    status {
      state
      lastError
      updatedAt
    }
  }
`)

/** A list is asked for again when something is made or deleted. */
const changes =
  (...fields: string[]): UpdateResolver =>
  () =>
    askAgain(...fields)

/** Puts a new message first in the lists of its chat, which are newest first; without such a list there is nothing to do. */
const newMessage =
  (field: 'messageReceived' | 'messageCreated' | 'sendMessage'): UpdateResolver =>
  (result, args, cache) => {
    const message = result[field] as (Data & { id: string; chatId: string; lid?: string | null }) | null
    if (!message) return
    for (const { fieldName, fieldKey, arguments: asked } of cache.inspectFields('Query')) {
      if (fieldName !== 'messages' || asked?.instanceId !== args.instanceId || asked?.cursor) continue
      if (asked?.chatId !== message.chatId && asked?.chatId !== message.lid) continue
      const page = cache.resolve('Query', fieldKey) as string | null
      const data = page && (cache.resolve(page, 'data') as string[] | null)
      const key = cache.keyOfEntity(message)
      if (page && data && key && !data.includes(key)) cache.link(page, 'data', [key, ...data])
    }
    askAgain('chats', 'overview')
  }

interface Status {
  state: string
  lastError: string | null
  updatedAt: string
}

/** By instance. */
const newest = new Map<string, Status>()

/** What is known and newer: an answer may come after news that were told since it was made. */
function newerThan(id: string, { updatedAt }: Status): Status | null {
  const known = newest.get(id)
  return known && Date.parse(known.updatedAt) > Date.parse(updatedAt) ? known : null
}

function writeStatus(cache: Cache, id: string, status: Status): void {
  newest.set(id, status)
  cache.writeFragment(withStatus, { __typename: 'Instance', id, status } as never)
}

const keepsNewest: UpdateResolver = (instance, _args, cache) => {
  const { id, status } = instance as { id: string; status: Status }
  const newer = newerThan(id, status)
  if (newer) writeStatus(cache, id, newer)
}

const newStatus =
  (field: string): UpdateResolver =>
  (result, args, cache) => {
    const found = result[field] as { status?: unknown; state?: string } | null
    const status = (found?.status ?? found) as Status | null
    if (!status) return
    const id = String(args.instanceId)
    if (newerThan(id, status)) return
    writeStatus(cache, id, status)
    askAgain('overview')
    // By then its number is known.
    if (status.state === 'connected') askAgain('instance', 'instances')
  }

export const cache = cacheExchange({
  keys: {
    ...Object.fromEntries(EMBEDDED.map(name => [name, embedded])),
    Chat: ofInstance,
    ChatDetails: ofInstance,
    Group: ofInstance,
  },
  updates: {
    Instance: { status: keepsNewest },
    Mutation: {
      createApiKey: changes('apiKeys'),
      revokeApiKey: changes('apiKeys'),
      createInstance: changes('instances', 'overview'),
      deleteInstance: changes('instances', 'overview'),
      createWebhook: changes('webhooks'),
      deleteWebhook: changes('webhooks'),
      replayDeliveries: changes('webhookDeliveries'),
      testWebhook: changes('webhookDeliveries', 'webhook'),
      sendMessage: newMessage('sendMessage'),
      markMessageRead: changes('chats'),
      connectInstance: newStatus('connectInstance'),
      disconnectInstance: newStatus('disconnectInstance'),
      scanSandboxQr: newStatus('scanSandboxQr'),
    },
    Subscription: {
      connectionUpdated: newStatus('connectionUpdated'),
      // A receiver that is gone is deactivated by what it answers.
      webhookDelivery: result => {
        if ((result.webhookDelivery as { status?: string } | null)?.status === 'failed') askAgain('webhook')
      },
      messageReceived: newMessage('messageReceived'),
      messageCreated: newMessage('messageCreated'),
    },
  },
})
