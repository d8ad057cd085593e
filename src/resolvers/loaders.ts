import { type Context, tenantOf } from '../context.ts'
import { Instance } from '../db/entities/instance.ts'
import { chatsByIds, chatsOfInstances, groupsByChats, participantsOf } from '../db/queries/chat-lists.ts'
import { messagesByIds, messagesOfChats } from '../db/queries/message-batches.ts'
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
import { afterId, type PageArgs, type PageOf, pageOf } from './page.ts'

/**
 * What the objects of a list hold, asked for one by one and read for all of them at once. Each reads only what is the
 * caller's. Nothing is kept: a later question of the same request sees what has changed.
 */
export class Loaders {
  readonly #ctx: Context
  readonly #batches = new Map<string, Batch<unknown>>()

  constructor(ctx: Context) {
    this.#ctx = ctx
  }

  instance(id: string): Promise<StoredInstance | undefined> {
    return this.#load('instance', id, async ids => {
      const found = await this.#ctx.em.find(Instance, { tenantId: this.#tenantId, id: { $in: ids } })
      return new Map(found.map(each => [each.id, each]))
    })
  }

  /** By our own id. */
  chat(key: string): Promise<StoredChat | undefined> {
    return this.#load('chat', key, async keys => {
      const rows = await chatsByIds(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, storedChat(row)]))
    })
  }

  /** By our own id of its chat. */
  group(key: string): Promise<StoredGroup | undefined> {
    return this.#load('group', key, async keys => {
      const rows = await groupsByChats(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, storedGroup(row)]))
    })
  }

  async participants(key: string): Promise<Participant[]> {
    const found = await this.#load('participants', key, async keys => {
      const rows = await participantsOf(this.#sql, this.#tenantId, keys)
      return new Map(rows.map(row => [row.id, row.participants.map(participant)]))
    })
    return found ?? []
  }

  message(id: string): Promise<StoredMessage | undefined> {
    return this.#load('message', id, async ids => {
      const rows = await messagesByIds(this.#sql, this.#tenantId, ids)
      return new Map(rows.map(row => [row.id, storedMessage(row)]))
    })
  }

  /** Of a chat, by our own id. */
  async messages(key: string, args: PageArgs): Promise<PageOf<StoredMessage>> {
    const limit = args.limit ?? NESTED_LIMIT
    const after = afterId(args.cursor, 'msg')
    const rows = await this.#load(`messages ${limit} ${after}`, key, async keys => {
      const all = await messagesOfChats(this.#sql, { tenantId: this.#tenantId, chats: keys, after, limit: limit + 1 })
      return Map.groupBy(all.map(storedMessage), message => message.chat)
    })
    return pageOf(rows ?? [], limit)
  }

  async lastMessage(key: string): Promise<StoredMessage | undefined> {
    const { data } = await this.messages(key, { limit: 1 })
    return data[0]
  }

  async chats(instanceId: string, args: PageArgs): Promise<PageOf<StoredChat>> {
    const limit = args.limit ?? NESTED_LIMIT
    const after = afterId(args.cursor, 'chat')
    const rows = await this.#load(`chats ${limit} ${after}`, instanceId, async instanceIds => {
      const of = { tenantId: this.#tenantId, instanceIds, after, limit: limit + 1 }
      return Map.groupBy(await chatsOfInstances(this.#sql, of), row => row.instanceId)
    })
    const { data, page } = pageOf(rows ?? [], limit)
    return { data: data.map(storedChat), page }
  }

  get #sql() {
    return this.#ctx.db.sql
  }

  get #tenantId() {
    return tenantOf(this.#ctx)
  }

  async #load<Value>(name: string, key: string, read: Read<Value>): Promise<Value | undefined> {
    let batch = this.#batches.get(name) as Batch<Value> | undefined
    if (!batch) {
      batch = { keys: new Set(), found: afterThisTurn().then(() => this.#close(name, read)) }
      this.#batches.set(name, batch)
    }
    batch.keys.add(key)
    return (await batch.found).get(key)
  }

  #close<Value>(name: string, read: Read<Value>): Promise<Map<string, Value>> {
    const { keys } = this.#batches.get(name)!
    this.#batches.delete(name)
    return read([...keys])
  }
}

/** How many a nested list gives when it is not said. */
export const NESTED_LIMIT = 10

type Read<Value> = (keys: string[]) => Promise<Map<string, Value>>

interface Batch<Value> {
  keys: Set<string>
  found: Promise<Map<string, Value>>
}

/** When all that was waiting for the same answer has asked: GraphQL goes on in promises. */
const afterThisTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
