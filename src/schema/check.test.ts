import { describe, expect, it } from 'vitest'
import { all, between, check, line, notNull, text } from './check.ts'
import { contentFitsType } from './message-content.ts'

describe('a rule', () => {
  it('tells its limits, and several rules tell theirs together', () => {
    expect(between(1, 200).limits).toEqual({ minimum: 1, maximum: 200 })
    expect(line(100).limits).toEqual({ minLength: 1, maxLength: 100 })
    expect(text(500).limits).toEqual({ maxLength: 500 })
    expect(all(between(1, 9), text(3)).limits).toEqual({ minimum: 1, maximum: 9, maxLength: 3 })
    expect(check(line(3)).extensions.check.limits).toEqual({ minLength: 1, maxLength: 3 })
    expect(notNull(text(3)).extensions.check.limits).toEqual({ maxLength: 3 })
    expect(notNull().extensions.check.limits).toBeUndefined()
  })

  it('counts characters as JSON Schema does, not UTF-16 units', () => {
    expect(text(3)('😀😀😀')).toBeNull()
    expect(text(3)('😀😀😀😀')).toBe('must have at most 3 characters')
    expect(text(3)('abcd')).toBe('must have at most 3 characters')
    expect(text(3)('x'.repeat(1_000_000))).toBe('must have at most 3 characters')
  })

  it('refuses what is empty, a control character, NUL and what is not Unicode', () => {
    for (const bad of ['', '  ', 'a\nb', 'a\u0000', '\ud800']) expect(line(9)(bad), JSON.stringify(bad)).not.toBeNull()
    for (const bad of ['a\u0000', '\ud800']) expect(text(9)(bad), JSON.stringify(bad)).not.toBeNull()
    expect(text(9)('a\nb')).toBeNull()
  })
})

describe('the content of a message', () => {
  it('must fit its type', () => {
    expect(contentFitsType({ type: 'text', content: {} })).toEqual({ 'content.text': 'is required' })
    expect(contentFitsType({ type: 'text', content: { text: '' } })).toEqual({ 'content.text': 'must not be empty' })
    expect(contentFitsType({ type: 'text', content: { text: 'x' } })).toBeNull()
  })

  it('is not judged by a type that nobody knows, nor when there is none', () => {
    expect(contentFitsType({ content: {} })).toBeNull()
    expect(contentFitsType({ type: 'text' })).toBeNull()
  })
})
