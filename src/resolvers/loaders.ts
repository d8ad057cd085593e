import DataLoader from 'dataloader'
import { type Context, tenantOf } from '../context.ts'
import { Instance } from '../db/entities/instance.ts'
import {
  chatsByIds,
  chatsOfInstances,
  groupsByChats,
  participantsOf,
  type ShownChatRow,
} from '../db/queries/chat-lists.ts'
import { eventCounts } from '../db/queries/events.ts'
import { messagesByIds, messagesOfChats } from '../db/queries/message-batches.ts'
import { listWebhooks } from '../db/queries/webhooks.ts'
import {
  type Participant,
  participant,
  type StoredChat,
  type StoredGroup,
  storedChat,
  storedGroup,
} from './chats/shape.ts'
import type { StoredInstance } from './instances/shape.ts'
import type { StoredMessage } from './messages/shape.ts'
import { storedMessage } from './messages/stored.ts'
import { type PageArgs, type PageOf, pager } from './page.ts'
import type { StoredWebhook } from './webhooks/shape.ts'

/**
 * What the objects of a list hold, asked for one by one and read for all of them at once. Each reads only what is the
 * caller's.
 */
export class Loaders {
  readonly #ctx: Context
  readonly #keep: boolean
  readonly #loaders = new Map<string, DataLoader<string, unknown>>()
  #keeping: Loaders | undefined

  constructor(ctx: Context, options: { keep: boolean } = { keep: false }) {
    this.#ctx = ctx
    this.#keep = options.keep
  }

  /** Reads nothing twice: for a request that changes nothing, and ends. */
  get keeping(): Loaders {
    return (this.#keeping ??= new Loaders(this.#ctx, { keep: true }))
  }

  instance(id: string): Promise<StoredInstance | undefined> {
    return this.#instances.load(id)
  }

  /** By our own id. */
  chat(key: string): Promise<StoredChat | undefined> {
    return this.#chats.load(key)
  }

  message(id: string): Promise<StoredMessage | undefined> {
    return this.#messages.load(id)
  }

  group(chat: StoredChat): Promise<StoredGroup | undefined> {
    this.#know(chat)
    return this.#loader<StoredGroup>('group', async keys => {
      const rows = await groupsByChats(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, storedGroup(row)]))
    }).load(chat.key)
  }

  async participants(group: StoredGroup): Promise<Participant[]> {
    const loader = this.#loader<Participant[]>('participants', async keys => {
      const rows = await participantsOf(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, row.participants.map(participant)]))
    })
    return (await loader.load(group.key)) ?? []
  }

  async messages(chat: StoredChat, args: PageArgs): Promise<PageOf<StoredMessage>> {
    this.#know(chat)
    const limit = args.limit ?? NESTED_LIMIT
    const pages = pager(this.#ctx, `messages ${chat.instanceId} ${chat.key}`)
    const after = pages.after(args.cursor)
    const loader = this.#loader<StoredMessage[]>(`messages ${limit} ${after}`, async keys => {
      const rows = await messagesOfChats(this.#sql, { tenantId: this.#tenantId, chats: keys, after, limit: limit + 1 })
      const found = rows.map(storedMessage)
      if (this.#keep) for (const message of found) this.#messages.prime(message.id, message)
      return Map.groupBy(found, message => message.chat)
    })
    return pages.page((await loader.load(chat.key)) ?? [], limit)
  }

  async lastMessage(chat: StoredChat): Promise<StoredMessage | undefined> {
    const { data } = await this.messages(chat, { limit: 1 })
    return data[0]
  }

  async chats(instance: StoredInstance, args: PageArgs): Promise<PageOf<StoredChat>> {
    if (this.#keep) this.#instances.prime(instance.id, instance)
    const limit = args.limit ?? NESTED_LIMIT
    const pages = pager(this.#ctx, `chats ${instance.id}`)
    const after = pages.after(args.cursor)
    const loader = this.#loader<ShownChatRow[]>(`chats ${limit} ${after}`, async instanceIds => {
      const of = { tenantId: this.#tenantId, instanceIds, after, limit: limit + 1 }
      return Map.groupBy(await chatsOfInstances(this.#sql, of), row => row.instanceId)
    })
    const { data, page } = pages.page((await loader.load(instance.id)) ?? [], limit)
    return { data: data.map(storedChat), page }
  }

  async eventCount(instance: StoredInstance): Promise<number> {
    const loader = this.#loader<number>('event-count', async instanceIds => {
      const rows = await eventCounts(this.#sql, { tenantId: this.#tenantId, instanceIds })
      return new Map(rows.map(row => [row.instanceId, row.count]))
    })
    return (await loader.load(instance.id)) ?? 0
  }

  async webhooks(instance: StoredInstance): Promise<StoredWebhook[]> {
    const loader = this.#loader<StoredWebhook[]>('webhooks', async instanceIds => {
      const rows = await listWebhooks(this.#sql, { tenantId: this.#tenantId, instanceIds })
      return Map.groupBy(rows, row => row.instanceId)
    })
    return (await loader.load(instance.id)) ?? []
  }

  #know(chat: StoredChat): void {
    if (this.#keep) this.#chats.prime(chat.key, chat)
  }

  get #instances() {
    return this.#loader<StoredInstance>('instance', async ids => {
      const found = await this.#ctx.em.find(Instance, { tenantId: this.#tenantId, id: { $in: ids } })
      return new Map(found.map(each => [each.id, each]))
    })
  }

  get #chats() {
    return this.#loader<StoredChat>('chat', async keys => {
      const rows = await chatsByIds(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, storedChat(row)]))
    })
  }

  get #messages() {
    return this.#loader<StoredMessage>('message', async ids => {
      const rows = await messagesByIds(this.#sql, this.#tenantId, ids)
      return new Map(rows.map(row => [row.id, storedMessage(row)]))
    })
  }

  get #sql() {
    return this.#ctx.db.sql
  }

  get #tenantId() {
    return tenantOf(this.#ctx)
  }

  #loader<Value>(name: string, read: Read<Value>): DataLoader<string, Value | undefined> {
    const known = this.#loaders.get(name)
    if (known) return known as DataLoader<string, Value | undefined>
    const batch = async (keys: readonly string[]) => {
      const found = await read([...new Set(keys)])
      return keys.map(each => found.get(each))
    }
    const loader = new DataLoader(batch, { cache: this.#keep })
    this.#loaders.set(name, loader)
    return loader
  }
}

/** How many a nested list gives when it is not said. */
export const NESTED_LIMIT = 10

type Read<Value> = (keys: string[]) => Promise<Map<string, Value>>
