import { expect, it } from 'vitest'
import { joinNames, sortOut } from './names.ts'

const P = '5511999990001@s.whatsapp.net'
const P2 = '5511999990002@s.whatsapp.net'
const L = '100000000000001@lid'
const L2 = '100000000000002@lid'
const row = (id: string, phone: string | null, lid: string | null) => ({ id, phone, lid })

it('adds the name that a row lacks', () => {
  expect(joinNames([row('a', P, null)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
  expect(joinNames([row('a', null, L)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
  expect(joinNames([row('a', P, L)], { phone: P, lid: null }).kept).toEqual(row('a', P, L))
  expect(joinNames([], { phone: P, lid: L })).toEqual({ kept: null, dropped: null, bereft: null })
})

it('makes two rows of one person into the older', () => {
  const joined = { kept: row('a', P, L), bereft: null }
  expect(joinNames([row('a', P, null), row('b', null, L)], { phone: P, lid: L })).toEqual({
    ...joined,
    dropped: row('b', null, L),
  })
  expect(joinNames([row('b', P, null), row('a', null, L)], { phone: P, lid: L })).toEqual({
    ...joined,
    dropped: row('b', P, null),
  })
  expect(joinNames([row('a', P, L2), row('b', null, L)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
  expect(joinNames([row('a', P, null), row('b', P2, L)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
})

it('believes the newest pair, and makes one of two people never', () => {
  expect(joinNames([row('a', P, L2)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
  expect(joinNames([row('a', P2, L)], { phone: P, lid: L }).kept).toEqual(row('a', P, L))
  expect(joinNames([row('a', P, L2), row('b', P2, L)], { phone: P, lid: L })).toEqual({
    kept: row('a', P, L),
    dropped: null,
    bereft: row('b', P2, null),
  })
})

it('sorts a batch into what is new, what is known and what needs a look of its own', () => {
  const item = (phone: string | null, lid: string | null) => ({ names: { phone, lid } })
  const known = row('a', P, L)
  const items = [item(P, null), item(P2, L2), item(null, L2), item(null, '3@lid')]
  expect(sortOut(items, [known])).toEqual({
    fresh: [items[3]],
    known: [[items[0], known]],
    tangled: [items[1], items[2]],
  })
  expect(sortOut([item(P, L)], [row('a', P, null)]).tangled).toHaveLength(1)
  expect(sortOut([item(P, L)], [row('a', P, null), row('b', null, L)]).tangled).toHaveLength(1)
})
