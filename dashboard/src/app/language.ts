import { i18n } from '@lingui/core'
import type { Locale } from './preferences.ts'

const CATALOGUES: Record<Locale, () => Promise<{ messages: Record<string, string> }>> = {
  en: () => import('../locales/en.po'),
  'pt-BR': () => import('../locales/pt-BR.po'),
  es: () => import('../locales/es.po'),
}

export async function speak(locale: Locale): Promise<void> {
  const { messages } = await CATALOGUES[locale]()
  i18n.loadAndActivate({ locale, messages })
  document.documentElement.lang = locale
}
