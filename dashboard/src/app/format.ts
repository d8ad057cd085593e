import { useLingui } from '@lingui/react'
import { serverNowMs } from '../graphql/server-clock.ts'

/** Numbers, times and phones as the reader writes them. */
export function useFormat() {
  return formatsOf(useLingui().i18n.locale)
}

/** A format takes a millisecond to make, and rows are many: each is made once, when it is first written by. */
const once = <Value>(make: () => Value): (() => Value) => {
  let made: Value | undefined
  return () => (made ??= make())
}

let last: { locale: string; formats: Formats } | undefined

function formatsOf(locale: string): Formats {
  if (last?.locale !== locale) last = { locale, formats: makeFormats(locale) }
  return last.formats
}

type Formats = ReturnType<typeof makeFormats>

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

function makeFormats(locale: string) {
  const numbers = (options?: Intl.NumberFormatOptions) => once(() => new Intl.NumberFormat(locale, options))
  const times = (options: Intl.DateTimeFormatOptions) => once(() => new Intl.DateTimeFormat(locale, options))
  const number = numbers()
  const percent = numbers({ style: 'percent', maximumFractionDigits: 1 })
  const dollars = numbers({ style: 'currency', currency: 'USD' })
  const dateTime = times({ dateStyle: 'medium', timeStyle: 'medium' })
  const date = times({ dateStyle: 'medium' })
  const time = times({ hour: '2-digit', minute: '2-digit' })
  const clock = times({ hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const relative = once(() => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }))
  return {
    number: (value: number) => number().format(value),
    percent: (share: number) => percent().format(share),
    dollars: (cents: number) => dollars().format(cents / 100),
    dateTime: (iso: string) => dateTime().format(new Date(iso)),
    date: (iso: string) => date().format(new Date(iso)),
    time: (iso: string) => time().format(new Date(iso)),
    clock: (iso: string) => clock().format(new Date(iso)),
    ago(iso: string) {
      const differenceMs = new Date(iso).getTime() - serverNowMs()
      const [unit, ms] = STEPS.find(([, ms]) => Math.abs(differenceMs) >= ms) ?? ['second', 1000]
      return relative().format(Math.round(differenceMs / ms), unit)
    },
    bytes: (bytes: number) =>
      bytes < 1_000_000
        ? `${number().format(Math.ceil(bytes / 1000))} kB`
        : `${number().format(Math.round(bytes / 100_000) / 10)} MB`,
  }
}

const BRAZIL = /^\+?55(\d{2})(\d{4,5})(\d{4})$/

/** `+55 11 99999-9999`; of other countries the digits in groups. */
export function phone(digits: string): string {
  const [, area, first, last] = BRAZIL.exec(digits) ?? []
  if (area) return `+55 ${area} ${first}-${last}`
  const bare = digits.replace(/^\+/, '')
  return /^\d{8,15}$/.test(bare)
    ? `+${bare.slice(0, -8)} ${bare.slice(-8, -4)} ${bare.slice(-4)}`.replace('+ ', '+')
    : digits
}

/** Who is meant by a chat's or sender's id, when no name is known. */
export const addressOf = (id: string): string => (id.endsWith('@s.whatsapp.net') ? phone(id.split('@')[0]!) : id)
