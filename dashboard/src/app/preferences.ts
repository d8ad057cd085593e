import { useSyncExternalStore } from 'react'

/** What this browser is told to do: kept in it, and nowhere else. */

function preference<Value extends string>(name: string, values: readonly Value[], fallback: () => Value) {
  const key = `wataki.${name}`
  const watchers = new Set<() => void>()
  // Changed in another tab.
  addEventListener('storage', event => {
    if (event.key !== key) return
    for (const watcher of watchers) watcher()
  })
  const get = (): Value => {
    const kept = localStorage.getItem(key) as Value | null
    return kept && values.includes(kept) ? kept : fallback()
  }
  const watch = (watcher: () => void) => {
    watchers.add(watcher)
    return () => watchers.delete(watcher)
  }
  return {
    get,
    watch,
    set(value: Value) {
      localStorage.setItem(key, value)
      for (const watcher of watchers) watcher()
    },
    use: () => useSyncExternalStore(watch, get),
  }
}

export type Theme = 'system' | 'light' | 'dark'
export type Locale = 'en' | 'pt-BR' | 'es'

export const LOCALES: Record<Locale, string> = { en: 'English', 'pt-BR': 'Português', es: 'Español' }

function spoken(): Locale {
  for (const language of navigator.languages) {
    const found = (['en', 'pt-BR', 'es'] as const).find(locale => locale.slice(0, 2) === language.slice(0, 2))
    if (found) return found
  }
  return 'en'
}

export const theme = preference<Theme>('theme', ['system', 'light', 'dark'], () => 'system')
export const locale = preference<Locale>('locale', ['en', 'pt-BR', 'es'], spoken)
/** Blurs what people wrote and who they are, for who shows their screen. */
export const privacy = preference<'on' | 'off'>('privacy', ['on', 'off'], () => 'off')

/** Writes them onto the page, now and whenever they change. */
export function applyPreferences(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)')
  const apply = () => {
    const chosen = theme.get()
    const { dataset } = document.documentElement
    dataset.theme = chosen === 'system' ? (dark.matches ? 'dark' : 'light') : chosen
    dataset.privacy = privacy.get()
  }
  dark.addEventListener('change', apply)
  theme.watch(apply)
  privacy.watch(apply)
  apply()
}
