import { expect, test } from 'vitest'
import {
  backoffMs,
  type Circumstances,
  CODE_REFUSED,
  CODE_STORE_FAILED,
  CODE_UNOPENED,
  judge,
  QR_CODES_RAN_OUT,
} from './states.ts'

const linked: Circumstances = {
  linked: true,
  failures: 1,
  autoReconnect: true,
  wasConnected: true,
  offeredQr: false,
  restartsSpent: false,
}
const unlinked: Circumstances = { ...linked, linked: false, wasConnected: false }

test('515 restarts at once, but not without end', () => {
  expect(judge(515, linked)).toEqual({ action: 'restart' })
  expect(judge(515, { ...linked, autoReconnect: false })).toEqual({ action: 'restart' })
  expect(judge(515, { ...linked, restartsSpent: true })).toMatchObject({ action: 'retry', state: 'reconnecting' })
})

test('only 401 of a linked phone erases credentials', () => {
  expect(judge(401, linked)).toMatchObject({ action: 'forget', state: 'logged_out' })
  expect(judge(401, unlinked)).toMatchObject({ action: 'retry', state: 'connecting' })
  for (const code of [
    400,
    402,
    403,
    405,
    406,
    408,
    409,
    411,
    428,
    440,
    500,
    503,
    515,
    CODE_STORE_FAILED,
    CODE_REFUSED,
    CODE_UNOPENED,
  ])
    expect(judge(code, linked).action, String(code)).not.toBe('forget')
})

test('another client that takes over stops us, without a fight', () => {
  expect(judge(440, linked)).toMatchObject({ action: 'stop', state: 'disconnected' })
  expect(judge(440, linked)).toHaveProperty('lastError', expect.stringContaining('Another client'))
})

test.each([402, 403, 405, 406, 409, 411, CODE_UNOPENED])('%i is an error that trying again would not change', code => {
  expect(judge(code, linked)).toMatchObject({
    action: 'stop',
    state: 'error',
    lastError: expect.stringMatching(/\w+ \w+/),
  })
})

test.each([408, 428, 500, 503, 999, CODE_STORE_FAILED, CODE_REFUSED])('%i is tried again', code => {
  expect(judge(code, linked)).toMatchObject({ action: 'retry', state: 'reconnecting' })
  expect(judge(code, unlinked)).toMatchObject({ action: 'retry', state: 'connecting' })
})

test('after 20 failures in a row the state is error, and trying goes on slowly', () => {
  expect(judge(503, { ...linked, failures: 19 })).toMatchObject({ action: 'retry', state: 'reconnecting' })
  expect(judge(503, { ...linked, failures: 20 })).toMatchObject({ action: 'retry', state: 'error' })
  expect(backoffMs(20, 0)).toBe(150_000)
})

test('without auto_reconnect a drop ends disconnected, but the first connection is still tried', () => {
  const manual = { ...linked, autoReconnect: false }
  expect(judge(428, manual)).toMatchObject({ action: 'stop', state: 'disconnected' })
  expect(judge(428, { ...manual, wasConnected: false })).toMatchObject({ action: 'retry' })
})

test('codes that nobody scanned are made anew', () => {
  expect(judge(408, { ...unlinked, offeredQr: true })).toEqual({
    action: 'retry',
    state: 'connecting',
    lastError: QR_CODES_RAN_OUT,
  })
  expect(judge(408, unlinked)).not.toHaveProperty('lastError', QR_CODES_RAN_OUT)
})

test('the first retry is quick, the pauses double up to 60 s, half of each is chance', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 19].map(n => backoffMs(n, 1))).toEqual([
    1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000,
  ])
  expect(backoffMs(4, 0)).toBe(4000)
})

test('over any run of failures there is at most one try per 2 s on average', () => {
  let elapsedMs = 0
  for (let failures = 1; failures < 30; failures++) {
    elapsedMs += backoffMs(failures, 0)
    if (failures >= 4) expect(elapsedMs / (failures + 1), `after ${failures}`).toBeGreaterThan(1400)
    if (failures >= 5) expect(elapsedMs / (failures + 1)).toBeGreaterThan(2000)
  }
})
