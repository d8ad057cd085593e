import { i18n } from '@lingui/core'
import { I18nProvider } from '@lingui/react'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { speak } from './app/language.ts'
import { applyPreferences, locale } from './app/preferences.ts'
import { router } from './app/router.tsx'
import { leave } from './app/session.ts'
import { createGraphqlClient, onSignedOut } from './graphql/client.ts'
import './styles.css'
import { ToastProvider } from './ui/toast.tsx'

applyPreferences()
locale.watch(() => void speak(locale.get()))
onSignedOut(leave)

const client = createGraphqlClient()

await speak(locale.get())
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <I18nProvider i18n={i18n}>
      <Provider value={client}>
        <ToastProvider>
          <RouterProvider router={router} />
        </ToastProvider>
      </Provider>
    </I18nProvider>
  </StrictMode>,
)
