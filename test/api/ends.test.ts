import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { payloadPlace } from '../../src/db/vault.ts'
import { carry } from '../../src/resolvers/messages/carry.ts'
import { dispatchPending } from '../../src/resolvers/messages/dispatchPending.ts'
import { expirePending, failLeftPending } from '../../src/resolvers/messages/failPending.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

/** How messages end that are never sent: each once, with its place in the quota given back, and none goes out later. */

let wataki: TestApp
let acme: Caller

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
})
afterAll(() => wataki.close())

/** A slow phone: no receipt comes between. */
const text = (words: string) => ({ chat_id: '5511900000006', type: 'text', content: { text: words } })
const send = async (bot: string, words: string): Promise<Json> => {
  const answer = await acme.post(`/v1/instances/${bot}/messages`, text(words))
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  return answer.body
}
const used = async (): Promise<number> => {
  const [row] = await wataki.app.db.sql.query<{ used: number }>('select used from usage where tenant_id = $1', [
    acme.tenantId,
  ])
  return row?.used ?? 0
}
const get = async (bot: string, id: string): Promise<Json> =>
  (await acme.get(`/v1/instances/${bot}/messages/${id}`)).body

/** As a send that was accepted just before the phone was unlinked, or a crash before the rest was done. */
async function leftPending(bot: string): Promise<Json> {
  const { id } = await send(bot, 'left')
  await wataki.app.db.sql.query(`update message set status = 'pending' where instance_id = $1 and id = $2`, [bot, id])
  await wataki.app.db.sql.query(
    `update instance set state = 'logged_out', linked = false, wanted = false where id = $1`,
    [bot],
  )
  return id
}

describe('what is pending', () => {
  it('on a phone that was unlinked fails, also when nobody was there to see it', async () => {
    const bot = await connectedInstance(acme, 'unlinked')
    const before = await used()
    const id = await leftPending(bot)
    expect(await used()).toBe(before + 1)
    await Promise.all([failLeftPending(wataki.app), failLeftPending(wataki.app)])
    expect(await get(bot, id)).toMatchObject({ status: 'failed', error: { code: 'logged_out' } })
    expect(await used()).toBe(before)
  })

  it('on a phone that was unlinked has failed before another is linked', async () => {
    const bot = await connectedInstance(acme, 'another')
    const id = await leftPending(bot)
    // Its answer waits for a code.
    acme.post(`/v1/instances/${bot}/connect`).catch(() => {})
    const failed = await until(
      () => get(bot, id),
      each => each.status === 'failed',
      3000,
    )
    expect(failed.error.code).toBe('logged_out')
  })

  it('on an instance that is deleted gives its place in the quota back, and what was sent does not', async () => {
    const bot = await connectedInstance(acme, 'deleted')
    const before = await used()
    await send(bot, 'sent')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    expect((await send(bot, 'not sent')).status).toBe('pending')
    expect(await used()).toBe(before + 2)
    expect((await acme.delete(`/v1/instances/${bot}`)).status).toBe(204)
    expect(await used()).toBe(before + 1)
  })

  it('does not go out once it has expired, though it was claimed before', async () => {
    const { app } = wataki
    const id = 'msg_claimed'
    const message = {
      ...{
        id,
        tenantId: 'ten_1',
        whatsappId: 'W',
        chat: 'chat_1',
        to: '5511955550001@s.whatsapp.net',
        type: 'text',
        attempts: 1,
      },
      expiresAt: app.clock.now(),
      dueAt: app.clock.now(),
      trace: null,
      actionOf: null,
      payload: Buffer.from(app.secrets.seal(Buffer.from('x'), payloadPlace(id))),
    }
    expect(await carry(app, { instanceId: 'inst_1', connection: 1, message })).toMatchObject({
      kind: 'rejected',
      code: 'expired',
    })
  })

  it('and cannot be carried at all fails in the end, and does not hold up its chat until then', async () => {
    const bot = await connectedInstance(acme, 'poisoned')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const poisoned = (await send(bot, 'poisoned')).id
    await wataki.app.db.sql.query(
      `update message set payload = 'nonsense', next_attempt_at = now() where instance_id = $1 and id = $2`,
      [bot, poisoned],
    )
    // As often as it takes, without the pauses.
    wataki.app.lanes.of(bot).landed(poisoned)
    const tried = async (): Promise<Json> => {
      await wataki.app.db.sql.query(
        `update message set next_attempt_at = now() where instance_id = $1 and status = 'pending'`,
        [bot],
      )
      await dispatchPending(wataki.app, bot)
      return get(bot, poisoned)
    }
    const failed = await until(tried, each => each.status === 'failed', 60_000)
    expect(failed.error.code).toBe('not_sent')
  }, 90_000)

  it('takes along what was to be done to it: of what failed nothing is told', async () => {
    const bot = await connectedInstance(acme, 'edited')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const { id } = await send(bot, 'never sent')
    const editing = acme.patch(`/v1/instances/${bot}/messages/${id}`, { content: { text: 'new' } })
    const edit = () =>
      wataki.app.db.sql.query<Json>(
        'select id, status, whatsapp_id from message where instance_id = $1 and action_of = $2',
        [bot, id],
      )
    await until(edit, rows => rows.length === 1)
    await wataki.app.db.sql.query('update message set expires_at = now() where instance_id = $1 and id = $2', [bot, id])
    await expirePending(wataki.app)
    await wataki.app.sandbox!.fault(bot, { kind: 'release_acks' })
    await until(edit, ([row]) => row.status === 'sent')
    await editing
    expect(await get(bot, id)).toMatchObject({ status: 'failed', content: { text: 'never sent' }, edited_at: null })
  })

  it('expires once, whoever looks at the same time', async () => {
    const bot = await connectedInstance(acme, 'expires')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const before = await used()
    const { id } = await send(bot, 'late')
    await wataki.app.db.sql.query('update message set expires_at = now() where instance_id = $1 and id = $2', [bot, id])
    await Promise.all([expirePending(wataki.app), expirePending(wataki.app)])
    await until(
      () => get(bot, id),
      each => each.status === 'failed',
    )
    expect(await used()).toBe(before)
  })
})
