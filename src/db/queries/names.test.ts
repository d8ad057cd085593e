import { expect, it } from 'vitest'
import { hasNames, joinNames } from './names.ts'

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

it('knows whether nothing is to be learnt', () => {
  expect(hasNames(row('a', P, L), { phone: P, lid: null })).toBe(true)
  expect(hasNames(row('a', P, null), { phone: P, lid: L })).toBe(false)
})
