import { setTimeout as sleep } from 'node:timers/promises'
import type { Vault } from '../../src/whatsapp/whatsapp.ts'
import { openRig, type Rig, texts, until } from './rig.ts'
import { stockClient } from './stock.ts'

export interface DuplexResult {
  /** Messages that the contact or the own phone could not read. */
  undecryptable: number
  /** Retry receipts sent by us: messages that we could not read. */
  retries: number
  /** Of ours, at the contact; of theirs, told here. */
  outboundRead: number
  inboundRead: number
  /** Told more than once. */
  repeats: number
}

export interface DuplexOptions {
  vault: Vault
  instanceId: string
  messagesEachWay: number
  /** Least and most pause between two messages of one side. */
  gapMs: [number, number]
  contact?: string
  /** How long to wait for stragglers at the end. */
  settleMs?: number
  /** Baileys' own wiring over the same vault instead of this room. */
  stock?: boolean
}

/** Both sides of one chat write at the same time; what gets lost or unreadable is counted. */
export async function duplex(options: DuplexOptions): Promise<DuplexResult> {
  const { vault, instanceId, contact = '5511988880002', stock = false } = options
  const rig = await openRig({
    vault,
    sandbox: { behaviour: { registered: true, deliverAfterMs: 0, readAfterMs: null } },
  })
  try {
    const client = stock ? await stockClient(rig, instanceId) : await ours(rig, instanceId)
    // Both sides know each other before it starts: a first session that both begin at once is another matter.
    await client.send(contact, 'warm up')
    await rig.say(instanceId, contact, 'warm up')
    await until(
      async () => client.received().length === 1 && (await rig.shown(instanceId, contact)).length === 1,
      'the warm up',
    )
    await Promise.all([
      paced(options, i => client.send(contact, `out ${i}`)),
      paced(options, async i => void (await rig.say(instanceId, contact, `in ${i}`))),
    ])
    const { messagesEachWay } = options
    const outbound = async () => new Set((await rig.shown(instanceId, contact)).filter(t => t.startsWith('out'))).size
    const inbound = () => new Set(client.received().filter(t => t.startsWith('in'))).size
    await until(
      async () => (await outbound()) === messagesEachWay && inbound() === messagesEachWay,
      'all messages',
      options.settleMs ?? 5000,
    ).catch(() => {})
    return {
      undecryptable: rig.undecryptable,
      retries: rig.retries,
      outboundRead: await outbound(),
      inboundRead: inbound(),
      repeats: client.received().length - new Set(client.received()).size,
    }
  } finally {
    await rig.close()
  }
}

export interface DuplexClient {
  send(contact: string, text: string): Promise<void>
  /** Texts received so far, in order. */
  received(): string[]
}

async function ours(rig: Rig, instanceId: string): Promise<DuplexClient> {
  await rig.link(instanceId)
  return {
    async send(contact, text) {
      const outcome = await rig.send(instanceId, contact, text)
      if (outcome.kind !== 'written') throw new Error(`${text}: ${JSON.stringify(outcome)}`)
    },
    received: () => texts(rig.heard(instanceId)),
  }
}

async function paced({ messagesEachWay, gapMs: [least, most] }: DuplexOptions, send: (i: number) => Promise<void>) {
  for (let i = 0; i < messagesEachWay; i++) {
    await send(i)
    await sleep(least + Math.random() * (most - least))
  }
}
