import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiError } from '../src/errors.ts'
import { createBus } from '../src/events/bus.ts'
import { networkOf } from '../src/http/address.ts'
import { newId } from '../src/ids.ts'
import { afterId, pageOf } from '../src/resolvers/page.ts'
import { createSecrets } from '../src/secrets.ts'

/** Keys that are built of parts: no two tenants, and no two things, ever come to the same one. */

const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
const tail = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 26, maxLength: 26 })
const idOf = (prefix: string) => tail.map(end => `${prefix}_${end}`)

describe('cursors', () => {
  const cursorOf = (id: string) => pageOf([{ id }, { id }], 1).page.nextCursor!

  it('give back the id that they were made of, and differ when it does', () => {
    fc.assert(
      fc.property(idOf('inst'), idOf('inst'), (one, other) => {
        expect(afterId(cursorOf(one), 'inst')).toBe(one)
        expect(cursorOf(one) === cursorOf(other)).toBe(one === other)
      }),
    )
  })

  it('of another list, or made up, are refused', () => {
    fc.assert(
      fc.property(fc.oneof(idOf('msg').map(cursorOf), fc.string({ unit: 'binary' })), cursor => {
        try {
          expect(afterId(cursor, 'inst')).toMatch(/^inst_[0-9a-z]{26}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(ApiError)
        }
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
        bus.publish({ ...other, id: 'evt_1', about: 'x', seq: 1, at: new Date(0), data: {} as never, subject: 'said' })
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
