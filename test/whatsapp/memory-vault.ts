import { setTimeout as sleep } from 'node:timers/promises'
import { type InboxRow, LEASE_LOST, type Vault, type VaultBatch } from '../../src/whatsapp/whatsapp.ts'

interface Kept {
  credentials: Uint8Array | null
  keys: Map<string, Uint8Array>
  inbox: Map<string, InboxRow & { settled: boolean }>
}

export interface MemoryVault extends Vault {
  /** What is durable, per instance. */
  readonly kept: Map<string, Kept>
  readonly sent: Map<string, Uint8Array>
  commits: number
  wipes: number
  /** Set: every later write rejects, as if the process had died. */
  dead: boolean
  /** Writes under an older epoch are refused. */
  epoch: number
  /** Called before a batch is written; may throw or take its time. */
  beforeCommit: ((instanceId: string, batch: VaultBatch) => void | Promise<void>) | null
  /** Called when a batch is durable, before the writer knows. */
  afterCommit: ((instanceId: string, batch: VaultBatch) => void) | null
}

/** A vault behind the latency of a database; whole batches become visible at once or not at all. */
export function memoryVault(latencyMs: [number, number] = [0, 0]): MemoryVault {
  const [least, most] = latencyMs
  const trip = () => (most > 0 ? sleep(least + Math.random() * (most - least)) : Promise.resolve())
  const kept: MemoryVault['kept'] = new Map()
  const of = (instanceId: string): Kept => {
    const found = kept.get(instanceId)
    if (found) return found
    const fresh: Kept = { credentials: null, keys: new Map(), inbox: new Map() }
    kept.set(instanceId, fresh)
    return fresh
  }
  const checkLease = (epoch: number) => {
    if (epoch < vault.epoch) throw Object.assign(new Error('another session has the lease'), { name: LEASE_LOST })
  }
  const vault: MemoryVault = {
    kept,
    sent: new Map(),
    commits: 0,
    wipes: 0,
    dead: false,
    epoch: 0,
    beforeCommit: null,
    afterCommit: null,
    async credentials(instanceId) {
      await trip()
      return of(instanceId).credentials
    },
    async read(instanceId, type, ids) {
      await trip()
      const { keys } = of(instanceId)
      return new Map(
        ids.flatMap(id => {
          const value = keys.get(`${type}:${id}`)
          return value ? [[id, value] as const] : []
        }),
      )
    },
    async commit(instanceId, batch, epoch) {
      await vault.beforeCommit?.(instanceId, batch)
      await trip()
      if (vault.dead) throw new Error('the vault is gone')
      checkLease(epoch)
      vault.commits++
      const row = of(instanceId)
      if (batch.credentials) row.credentials = batch.credentials
      for (const { type, id, value } of batch.keys)
        if (value) row.keys.set(`${type}:${id}`, value)
        else row.keys.delete(`${type}:${id}`)
      for (const { hash, stanza, plain } of batch.inbox) {
        const inboxKey = Buffer.from(hash).toString('hex')
        if (!row.inbox.has(inboxKey)) row.inbox.set(inboxKey, { inboxKey, stanza, plain, settled: false })
      }
      vault.afterCommit?.(instanceId, batch)
    },
    async wipe(instanceId, epoch) {
      await trip()
      if (epoch !== null) checkLease(epoch)
      vault.wipes++
      kept.delete(instanceId)
    },
    async inboxPlain(instanceId, hash) {
      await trip()
      return of(instanceId).inbox.get(Buffer.from(hash).toString('hex'))?.plain ?? null
    },
    async unsettled(instanceId, limit) {
      await trip()
      return [...of(instanceId).inbox.values()].filter(row => !row.settled).slice(0, limit)
    },
    async settle(instanceId, inboxKeys) {
      await trip()
      for (const key of inboxKeys) {
        const row = of(instanceId).inbox.get(key)
        if (row) row.settled = true
      }
    },
    async sentPayload(_instanceId, whatsappId) {
      await trip()
      return vault.sent.get(whatsappId) ?? null
    },
  }
  return vault
}
