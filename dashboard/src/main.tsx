import { i18n } from '@lingui/core'
import { I18nProvider } from '@lingui/react'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Provider } from 'urql'
import { speak } from './app/language.ts'
import { applyPreferences, locale } from './app/preferences.ts'
import { router } from './app/router.tsx'
import { isOpen, leave, MeDocument, startAnewOnReturn } from './app/session.ts'
import { FIRST_PAGE, InstancesDocument } from './features/instances/instance-queries.ts'
import { createGraphqlClient, onSignedOut } from './graphql/client.ts'
import './styles.css'
import { ToastProvider } from './ui/toast.tsx'

applyPreferences()
locale.watch(() => void speak(locale.get()))
onSignedOut(leave)
startAnewOnReturn()

const client = createGraphqlClient()

// On a slow line all that the page waits for is on its way at once.
void router.load()
if (!isOpen(location.pathname)) void client.query(MeDocument, {}).toPromise()
if (location.pathname === '/instances') void client.query(InstancesDocument, FIRST_PAGE).toPromise()
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
