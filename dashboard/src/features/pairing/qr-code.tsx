import { useLingui } from '@lingui/react/macro'
import { correction, generate } from 'lean-qr'
import { toSvgPath } from 'lean-qr/extras/svg'
import { useMemo } from 'react'

const QUIET_MODULES = 4

/** Black on white in any theme, with the quiet zone that cameras need. */
export function QrCode({ text }: { text: string }) {
  const { t } = useLingui()
  const { path, size } = useMemo(() => {
    const code = generate(text, { minCorrectionLevel: correction.L })
    return { path: toSvgPath(code), size: code.size + 2 * QUIET_MODULES }
  }, [text])
  return (
    <svg
      role="img"
      aria-label={t`QR code to scan with WhatsApp`}
      viewBox={`${-QUIET_MODULES} ${-QUIET_MODULES} ${size} ${size}`}
      shapeRendering="crispEdges"
      className="size-full rounded-lg"
    >
      <rect x={-QUIET_MODULES} y={-QUIET_MODULES} width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
