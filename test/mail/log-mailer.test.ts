import { pino } from 'pino'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { createLogMailer } from '../../src/mail/log-mailer.ts'

function mailer(production: boolean) {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  return { mail: createLogMailer({ log, clock: systemClock, production }), lines }
}
const letter = {
  kind: 'sign_in',
  to: 'dev@acme.com',
  link: 'http://localhost/auth/verify#token=abc',
  validMinutes: 15,
} as const

it('prints the link in one line outside production, and keeps the newest fifty letters', async () => {
  const { mail, lines } = mailer(false)
  for (let i = 0; i < 60; i++) await mail.send(letter)
  expect(lines[0]).toContain(letter.link)
  expect(mail.kept()).toHaveLength(50)
})

it('neither prints nor keeps it in production, and says how to get one', async () => {
  const { mail, lines } = mailer(true)
  await mail.send(letter)
  expect(lines.join()).not.toContain('token')
  expect(lines.join()).toContain('sign-in-link')
  expect(mail.kept()).toEqual([])
})
