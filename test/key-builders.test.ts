import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiError } from '../src/errors.ts'
import { createBus } from '../src/events/bus.ts'
import { networkOf } from '../src/http/address.ts'
import { newId } from '../src/ids.ts'
import { fingerprintOf, placeOf } from '../src/resolvers/once.ts'
import { Pager } from '../src/resolvers/page.ts'
import { createSecrets } from '../src/secrets.ts'

/** Keys that are built of parts: no two tenants, and no two things, ever come to the same one. */

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const tail = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 26, maxLength: 26 })
const idOf = (prefix: string) => tail.map(end => `${prefix}_${end}`)

describe('cursors', () => {
  const secrets = createSecrets('a key of the test')
  const pages = (list: { tenantId: string; name: string }) => new Pager(secrets, list)
  const cursorOf = (pager: Pager, id: string) => pager.page([{ id }, { id }], 1).page.nextCursor!
  const list = fc.record({ tenantId: idOf('ten'), name: fc.oneof(fc.constant('chats'), idOf('inst')) })

  it('give back the id that they were made of, and differ when it does', () => {
    fc.assert(
      fc.property(list, idOf('inst'), idOf('inst'), (of, one, other) => {
        const pager = pages(of)
        expect(pager.after(cursorOf(pager, one))).toBe(one)
        expect(cursorOf(pager, one) === cursorOf(pager, other)).toBe(one === other)
      }),
    )
  })

  it('of another tenant, of another list, or made up, are refused', () => {
    const text = fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(list, list, idOf('msg'), text, (of, other, id, anything) => {
        const foreign = isDeepStrictEqual(of, other) ? [] : [cursorOf(pages(other), id)]
        const forged = [anything, Buffer.from(id).toString('base64url'), `${cursorOf(pages(of), id)}A`]
        for (const cursor of [...foreign, ...forged]) expect(() => pages(of).after(cursor)).toThrow(ApiError)
      }),
    )
  })
})

describe('channels of events', () => {
  it('carry what is of the same tenant, instance and type, and nothing else', () => {
    const types = fc.constantFrom('message.received' as const, 'message.status' as const)
    const place = fc.record({ tenantId: idOf('ten'), instanceId: idOf('inst'), type: types })
    const near = fc.tuple(place, place, fc.nat(7)).map(([one, other, mix]) => ({
      one,
      other: {
        tenantId: mix & 1 ? one.tenantId : other.tenantId,
        instanceId: mix & 2 ? one.instanceId : other.instanceId,
        type: mix & 4 ? one.type : other.type,
      },
    }))
    return fc.assert(
      fc.asyncProperty(near, async ({ one, other }) => {
        const bus = createBus()
        const stream = bus.subscribe(one)
        bus.publish({
          ...other,
          id: 'evt_1',
          about: 'x',
          seq: 1,
          at: new Date(0),
          webhooks: [],
          data: {} as never,
          subject: 'said',
        })
        const heard = stream.next()
        bus.close()
        const same = JSON.stringify(one) === JSON.stringify(other)
        expect((await heard).done !== true).toBe(same)
      }),
    )
  })
})

describe('places that ciphertext is bound to', () => {
  it('differ when a part does: what was sealed for one opens for no other', () => {
    const secrets = createSecrets('a key of the tests with more than 32 characters')
    const plain = Buffer.from('x')
    const place = fc.tuple(
      idOf('inst'),
      fc.constantFrom('session', 'pre-key', 'sender-key'),
      fc.string({ maxLength: 20 }),
    )
    fc.assert(
      fc.property(place, place, (one, other) => {
        const at = ([instance, type, id]: [string, string, string]) => `signal_key|${instance}|${type}|${id}|value`
        const sealed = secrets.seal(plain, at(one))
        if (JSON.stringify(one) === JSON.stringify(other)) return
        expect(() => secrets.open(sealed, at(other))).toThrow()
      }),
    )
  })
})

describe('first answers', () => {
  const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })

  it('of two tenants, or under two keys, lie in two places', () => {
    const claim = fc.record({ tenantId: idOf('ten'), key })
    fc.assert(
      fc.property(claim, claim, fc.boolean(), (one, other, same) => {
        const near = { tenantId: other.tenantId, key: same ? one.key : other.key }
        expect(placeOf(one) === placeOf(near)).toBe(JSON.stringify(one) === JSON.stringify(near))
      }),
    )
  })

  it('know what was asked for, whatever the order of its fields, from all else', () => {
    const value = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ max: 3, min: 0 }), fc.boolean(), fc.constant(null))
    const args = fc.dictionary(
      fc.constantFrom('a', 'b', 'c'),
      fc.oneof(value, fc.array(value), fc.object({ maxDepth: 1 })),
    )
    const call = fc.record({ field: fc.constantFrom('createInstance', 'createApiKey'), args })
    const plainOf = (of: object) => JSON.parse(JSON.stringify(of))
    const turned = (of: object): object => Object.fromEntries(Object.entries(of).reverse())
    fc.assert(
      fc.property(call, call, (one, other) => {
        const print = fingerprintOf(one)
        expect(fingerprintOf({ ...one, args: turned(one.args) })).toEqual(print)
        expect(fingerprintOf(other).equals(print)).toBe(isDeepStrictEqual(plainOf(one), plainOf(other)))
      }),
    )
  })
})

describe('buckets of the limiter', () => {
  it('of a tenant and of its sessions are two, and nobody else’s', () => {
    fc.assert(
      fc.property(idOf('ten'), idOf('ten'), (one, other) => {
        const keys = new Set([one, `${one} sessions`, other, `${other} sessions`])
        expect(keys.size).toBe(one === other ? 2 : 4)
      }),
    )
  })

  it('of strangers are one for each network', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), (one, other) => {
        expect(networkOf(one) === networkOf(other)).toBe(one === other)
      }),
    )
    fc.assert(
      fc.property(fc.ipV6(), address => {
        expect(networkOf(address)).toBe(networkOf(address))
        expect(networkOf(address)).not.toBe(networkOf('203.0.113.1'))
      }),
    )
  })
})

describe('ids', () => {
  it('are never given twice, and rise in one process', () => {
    const ids = Array.from({ length: 100_000 }, () => newId('msg'))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids.toSorted()).toEqual(ids)
  })
})
