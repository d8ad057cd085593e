import type { Context } from '../../context.ts'
import { joinChats } from '../../db/queries/chat-sync.ts'
import { chatIdOf, namesOf } from '../../db/queries/chats.ts'
import { learnContacts } from '../../db/queries/contacts.ts'
import { instanceNotConnected, unavailable } from '../../errors.ts'
import type { Address } from '../../whatsapp/whatsapp.ts'
import { instance } from '../instances/instance.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { phoneDigits } from './chat-id.ts'

export interface CheckedContact {
  /** `+` and digits. */
  phone: string
  exists: boolean
  chatId: string | null
  lid: string | null
}

/** Which of these phone numbers are on WhatsApp, in the order in which they were asked for. */
export async function checkContacts(
  ctx: Context,
  args: { instanceId: string; input: { phones: string[] } },
): Promise<{ data: CheckedContact[] }> {
  const { id: instanceId, state } = await instance(ctx, args)
  if (state !== 'connected') throw instanceNotConnected(state)
  const phones = args.input.phones.map(written => phoneDigits(written)!)
  const outcome = await ctx.pass.aside(onOwner(ctx, instanceId, 'lookUp', { phones: [...new Set(phones)] }))
  if (outcome.kind === 'not_connected') throw instanceNotConnected('reconnecting')
  if (outcome.kind === 'failed') throw unavailable('WhatsApp does not answer right now', new Error(outcome.message))
  await learn(
    ctx,
    instanceId,
    outcome.found.map(({ address }) => address),
  )
  const found = new Map(outcome.found.map(({ phone, address }) => [phone.replace(/\D/g, ''), namesOf(address)]))
  return {
    data: phones.map(phone => {
      const names = found.get(phone)
      return { phone: `+${phone}`, exists: !!names, chatId: names ? chatIdOf(names) : null, lid: names?.lid ?? null }
    }),
  }
}

/** So that what comes under one name later is known to belong to the other. */
async function learn(ctx: Context, instanceId: string, addresses: Address[]): Promise<void> {
  const pairs = addresses.map(namesOf).flatMap(({ phone, lid }) => (phone && lid ? [{ phone, lid }] : []))
  if (pairs.length === 0) return
  const now = ctx.clock.now()
  await ctx.db.transaction(async sql => {
    await learnContacts(sql, { instanceId, contacts: pairs.map(names => ({ names })), now })
    await joinChats(sql, { instanceId, now }, pairs)
  })
}
