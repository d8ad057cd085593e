import { useLingui } from '@lingui/react/macro'
import { Eye, EyeOff, Languages, Monitor, Moon, Sun } from 'lucide-react'
import { Menu } from '../ui/menu.tsx'
import { LOCALES, type Locale, locale, privacy, type Theme, theme } from './preferences.ts'

const ICONS = { system: Monitor, light: Sun, dark: Moon }
const square = 'grid size-8 place-items-center rounded-lg text-soft hover:bg-sunken hover:text-ink'

/** Theme, language and privacy, within reach of every page. */
export function Preferences() {
  const { t } = useLingui()
  const chosen = theme.use()
  const spoken = locale.use()
  const isPrivate = privacy.use() === 'on'
  const ThemeIcon = ICONS[chosen]
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
      <Menu
        side="top"
        trigger={
          <button type="button" className={square} aria-label={t`Language`} title={t`Language`}>
            <Languages className="size-4" aria-hidden />
          </button>
        }
        items={(Object.keys(LOCALES) as Locale[]).map(each => ({
          label: LOCALES[each],
          checked: each === spoken,
          onSelect: () => locale.set(each),
        }))}
      />
      <Menu
        side="top"
        trigger={
          <button type="button" className={square} aria-label={t`Theme`} title={t`Theme`}>
            <ThemeIcon className="size-4" aria-hidden />
          </button>
        }
        items={(Object.keys(names) as Theme[]).map(each => ({
          label: names[each],
          icon: ICONS[each],
          checked: each === chosen,
          onSelect: () => theme.set(each),
        }))}
      />
    </span>
  )
}
