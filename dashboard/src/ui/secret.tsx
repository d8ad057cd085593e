import { useLingui } from '@lingui/react/macro'
import { CodeBlock } from './copy.tsx'

/** Shown once: alone, and as a line for a `.env` file. */
export function Secret({ name, value }: { name: string; value: string }) {
  const { t } = useLingui()
  return (
    <div className="flex flex-col gap-3">
      <CodeBlock text={value} label={t`Secret`} />
      <CodeBlock text={`${name}=${value}`} label={t`Line for a .env file`} />
    </div>
  )
}
