import { Writable } from 'node:stream'
import { beforeEach, describe, expect, it } from 'vitest'
import { createLog } from './log.ts'
import { scrubText } from './scrub.ts'

let lines: string[] = []
beforeEach(() => void (lines = []))
const to = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk))
    done()
  },
})
const log = createLog({ level: 'trace', json: true, to })
const written = () => JSON.parse(lines.at(-1)!)

describe('a log line', () => {
  it('holds the fields that are allowed, and of others the name alone', () => {
    log.info({ instanceId: 'inst_1', body: 'the secret text', headers: { 'x-api-key': 'k' } }, 'done')
    expect(written()).toMatchObject({ instanceId: 'inst_1', msg: 'done', notLogged: ['body', 'headers'] })
    expect(lines.join()).not.toContain('secret text')
  })

  it('holds no object where a word or a number belongs', () => {
    log.info({ reason: { text: 'the secret text' }, work: { text: 'the secret text' }, migrations: ['m1', {}] }, 'done')
    expect(written()).toMatchObject({ reason: '…', work: '…', migrations: ['m1', '…'] })
  })

  it('tells of an error its kind, words, code and places, and nothing that hangs on it', () => {
    const cause = Object.assign(new Error('inner'), { detail: 'Key (name)=(the secret text)', code: '23505' })
    const error = Object.assign(new Error('outer', { cause }), { request: { body: 'the secret text' } })
    log.error({ err: error }, 'failed')
    expect(written().err).toEqual({
      type: 'Error',
      message: 'outer',
      stack: expect.stringMatching(/^\s+at /),
      cause: { type: 'Error', message: 'inner', code: '23505', stack: expect.stringMatching(/^\s+at /) },
    })
    expect(lines.join()).not.toContain('secret text')
  })

  it('quotes neither the values that PostgreSQL did not take nor the JSON that could not be read', () => {
    const refused = Object.assign(new Error('invalid input syntax for type json: "the secret text"'), {
      severity: 'ERROR',
    })
    log.error({ err: refused }, 'failed')
    try {
      JSON.parse('the secret text')
    } catch (error) {
      log.error({ err: error }, 'failed')
    }
    log.error(refused)
    expect(lines).toHaveLength(3)
    expect(lines.join()).not.toContain('secret')
  })

  it('of something thrown that is no error says only that', () => {
    log.error({ err: 'the secret text' }, 'failed')
    expect(written().err).toEqual({ type: 'string', message: 'not an error' })
  })
})

describe('words of others', () => {
  it('lose keys, tokens, passwords and all but the last two digits of phone numbers', () => {
    const key = '0123456789abcdef'.repeat(4)
    for (const [text, told] of [
      [`key ${key} is bad`, 'key [secret] is bad'],
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', '[secret]'],
      ['postgres://wataki:hunter2@db:5432/x', 'postgres://wataki:[secret]@db:5432/x'],
      ['token=abc', 'token=[secret]'],
      ['no session for 5511999998877@s.whatsapp.net', 'no session for …77@s.whatsapp.net'],
      ['5511999998877:12@s.whatsapp.net', '…77:12@s.whatsapp.net'],
      ['5511999998877_1.0 is gone', '…77_1.0 is gone'],
      ['+55 11 99999-8877', '…77'],
      ['(123456789012345@lid)', '(…45@lid)'],
    ] as const) {
      expect(scrubText(text)).toBe(told)
    }
  })

  it('keep ids of the house, numbers and addresses of servers', () => {
    for (const text of [
      'inst_01m84k41q5bzehev0j4g4kfb1t',
      'http://127.0.0.1:49152',
      'WhatsApp refused the message (463).',
      'PostgreSQL 18.4 (embedded)',
      'timeout after 30000 ms',
    ]) {
      expect(scrubText(text)).toBe(text)
    }
  })

  it('are cut at 500 characters', () => {
    expect(scrubText('a b '.repeat(1000))).toHaveLength(501)
  })
})
