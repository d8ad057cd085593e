import { styleText } from 'node:util'

/** Data goes to stdout, talk to stderr. */

/** One value: as JSON when that was asked for, else for people. */
export function show(json: boolean | undefined, value: unknown, text: () => string): void {
  console.log(json ? printable(JSON.stringify(value)) : clean(text()))
}

/** One line of a stream. */
export const showLine = (value: unknown): void => console.log(printable(JSON.stringify(value)))

export const say = (line: string): void => console.error(clean(line))

/** What contacts write must not steer a terminal. JSON has escaped the rest of the control characters. */
export const printable = (text: string): string =>
  text.replace(/[\x7f-\x9f]/g, each => `\\u00${each.charCodeAt(0).toString(16)}`)

/** Words for people, some of them by strangers: of control characters only the end of a line, and colours of ours. */
export const clean = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/(\x1b\[\d{1,2}m)|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, (_, colour = '') => colour)

/** A stranger's words within a line. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')

/** In colour on a terminal that wants it (NO_COLOR), plain elsewhere. */
export const paint = (style: 'green' | 'red' | 'yellow' | 'dim' | 'bold', text: string): string =>
  styleText(style, text, { stream: process.stdout })

/** Columns as wide as what is in them. */
export function table(head: string[], rows: string[][]): string {
  const all = [head, ...rows].map(row => row.map(oneLine))
  const widths = head.map((_, i) => Math.max(...all.map(row => row[i]!.length)))
  const lines = all.map(row =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  return [paint('dim', lines[0]!), ...lines.slice(1)].join('\n')
}
