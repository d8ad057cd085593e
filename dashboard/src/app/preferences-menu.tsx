import { useLingui } from '@lingui/react/macro'
import { Eye, EyeOff, Languages, type LucideIcon, Monitor, Moon, Sun } from 'lucide-react'
import { LOCALES, locale, privacy, type Theme, theme } from './preferences.ts'

const ICONS = { system: Monitor, light: Sun, dark: Moon }
const square = 'grid size-8 place-items-center rounded-lg text-soft hover:bg-sunken hover:text-ink'

/** Theme, language and privacy, within reach of every page. */
export function Preferences() {
  const { t } = useLingui()
  const chosen = theme.use()
  const spoken = locale.use()
  const isPrivate = privacy.use() === 'on'
  const PrivacyIcon = isPrivate ? EyeOff : Eye
  const names: Record<Theme, string> = { system: t`System`, light: t`Light`, dark: t`Dark` }
  return (
    <span className="flex">
      <button
        type="button"
        className={square}
        aria-pressed={isPrivate}
        aria-label={t`Blur private content`}
        title={t`Blur private content`}
        onClick={() => privacy.set(isPrivate ? 'off' : 'on')}
      >
        <PrivacyIcon className="size-4" aria-hidden />
      </button>
      <Choice icon={Languages} label={t`Language`} value={spoken} names={LOCALES} onChange={locale.set} />
      <Choice icon={ICONS[chosen]} label={t`Theme`} value={chosen} names={names} onChange={theme.set} />
    </span>
  )
}

interface ChoiceProps<Value extends string> {
  icon: LucideIcon
  label: string
  value: Value
  names: Record<Value, string>
  onChange: (value: Value) => void
}

/** The browser's own list under an icon: it is here before any library of menus is. */
function Choice<Value extends string>({ icon: Icon, label, value, names, onChange }: ChoiceProps<Value>) {
  return (
    <span className={`${square} relative has-focus-visible:outline-2 has-focus-visible:outline-brand-ink`}>
      <Icon className="size-4" aria-hidden />
      <select
        aria-label={label}
        title={label}
        value={value}
        onChange={event => onChange(event.target.value as Value)}
        className="absolute inset-0 cursor-pointer opacity-0"
      >
        {(Object.keys(names) as Value[]).map(each => (
          <option key={each} value={each} className="bg-panel text-ink">
            {names[each]}
          </option>
        ))}
      </select>
    </span>
  )
}
