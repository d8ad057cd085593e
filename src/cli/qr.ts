import QRCode from 'qrcode'

/** Light modules around the code; a terminal is dark beyond them. */
const MARGIN = 2
const ON_WHITE = '\x1b[48;5;231m\x1b[38;5;16m'
const RESET = '\x1b[0m'

export interface Picture {
  lines: string[]
  rows: number
  columns: number
}

/**
 * A code for a terminal, two modules in a character, at the least correction: it is the largest that fits. Always black
 * on white, whatever the theme is; without colours the light modules are drawn, as most terminals are dark.
 */
export function pictureOf(code: string, colours: boolean): Picture {
  const { modules } = QRCode.create(code, { errorCorrectionLevel: 'L' })
  const size = modules.size + 2 * MARGIN
  const dark = (row: number, column: number): boolean => {
    const [y, x] = [row - MARGIN, column - MARGIN]
    return y >= 0 && x >= 0 && y < modules.size && x < modules.size && modules.get(y, x) === 1
  }
  const lines: string[] = []
  for (let row = 0; row < size; row += 2) {
    let line = ''
    for (let column = 0; column < size; column++) {
      // Below the last row of an odd number there is more of the margin.
      const [above, below] = [dark(row, column), row + 1 < size && dark(row + 1, column)]
      line += colours ? BLOCKS[+above]![+below] : BLOCKS[+!above]![+!below]
    }
    lines.push(colours ? `${ON_WHITE}${line}${RESET}` : line)
  }
  return { lines, rows: lines.length, columns: size }
}

/** By whether the upper half is drawn, and the lower. */
const BLOCKS = [
  [' ', '▄'],
  ['▀', '█'],
]
