import { useLingui } from '@lingui/react'
import { useMemo } from 'react'
import { serverNowMs } from '../graphql/server-clock.ts'

/** Numbers, times and phones as the reader writes them. */
export function useFormat() {
  const { i18n } = useLingui()
  return useMemo(() => formatsOf(i18n.locale), [i18n.locale])
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
]

function formatsOf(locale: string) {
  const number = new Intl.NumberFormat(locale)
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 1 })
  const dollars = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD' })
  const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })
  const date = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' })
  const time = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' })
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  return {
    number: (value: number) => number.format(value),
    percent: (share: number) => percent.format(share),
    dollars: (cents: number) => dollars.format(cents / 100),
    dateTime: (iso: string) => dateTime.format(new Date(iso)),
    date: (iso: string) => date.format(new Date(iso)),
    time: (iso: string) => time.format(new Date(iso)),
    clock: (iso: string) => clock.format(new Date(iso)),
    ago(iso: string) {
      const differenceMs = new Date(iso).getTime() - serverNowMs()
      const [unit, ms] = STEPS.find(([, ms]) => Math.abs(differenceMs) >= ms) ?? ['second', 1000]
      return relative.format(Math.round(differenceMs / ms), unit)
    },
    bytes: (bytes: number) =>
      bytes < 1_000_000
        ? `${number.format(Math.ceil(bytes / 1000))} kB`
        : `${number.format(Math.round(bytes / 100_000) / 10)} MB`,
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
