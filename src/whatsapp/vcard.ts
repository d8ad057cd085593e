import { nameOf } from './text.ts'

/** One person as a vCard 3.0. Nothing in a name can end its line or its field. */
export function writeVcard({ name, phone }: { name: string; phone: string }): string {
  const digits = phone.replace(/\D/g, '')
  const safe = escaped(name)
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${safe};;;`,
    `FN:${safe}`,
    `TEL;type=CELL;type=VOICE;waid=${digits}:+${digits}`,
    'END:VCARD',
  ].join('\n')
}

/** Line ends of every alphabet become the escape; other control characters carry no name and go. */
const escaped = (text: string): string =>
  text
    .replace(/\\/g, '\\\\')
    .replace(/\r\n|[\r\n\v\f\u0085\u2028\u2029]/g, '\\n')
    .replace(/\p{Cc}/gu, '')
    .replace(/[;,:]/g, '\\$&')

const MAX_LENGTH = 64 * 1024
const MAX_LINES = 500

/** What a stranger's vCard says, as far as it is needed: the first of each. */
export function readVcard(text: string): { name: string | null; phone: string | null } {
  const unfolded = text.slice(0, MAX_LENGTH).replace(/\r?\n[ \t]/g, '')
  const lines = unfolded.split(/\r\n|\r|\n/, MAX_LINES).flatMap(line => {
    const colon = line.indexOf(':')
    if (colon < 1) return []
    const [label = '', ...parameters] = line.slice(0, colon).split(';')
    return [{ label: label.split('.').at(-1)!.toUpperCase(), parameters, value: line.slice(colon + 1) }]
  })
  const first = (label: string) => lines.find(line => line.label === label && line.value !== '')
  const name = first('FN')?.value ?? first('N')?.value.replace(/(?<!\\);/g, ' ')
  const tel = lines.find(line => line.label === 'TEL' && waidOf(line.parameters)) ?? first('TEL')
  return { name: nameOf(name && unescaped(name)), phone: tel ? phoneOf(tel) : null }
}

const waidOf = (parameters: string[]): string | undefined =>
  parameters.map(parameter => /^waid=(\d{5,20})$/i.exec(parameter)?.[1]).find(Boolean)

function phoneOf({ parameters, value }: { parameters: string[]; value: string }): string | null {
  const waid = waidOf(parameters)
  if (waid) return `+${waid}`
  const digits = value.replace(/\D/g, '').slice(0, 20)
  if (!digits) return null
  return value.trim().startsWith('+') ? `+${digits}` : digits
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, (_, c: string) => (/n/i.test(c) ? '\n' : c))
