import { Trans, useLingui } from '@lingui/react/macro'
import { LogOut } from 'lucide-react'
import { LOCALES, type Locale, locale, privacy, type Theme, theme } from '../../app/preferences.ts'
import { leave, useMe } from '../../app/session.ts'
import { useAction } from '../../app/use-action.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Check, Select } from '../../ui/field.tsx'
import { Page } from '../../ui/page.tsx'
import { ApiKeys } from './api-keys.tsx'

const LogoutDocument = graphql(`
  mutation Logout {
    logout {
      message
    }
  }
`)

export function SettingsPage() {
  const { t } = useLingui()
  return (
    <Page title={t`Settings`}>
      <ApiKeys />
      <Appearance />
      <Account />
    </Page>
  )
}

function Appearance() {
  const { t } = useLingui()
  return (
    <Card title={t`Appearance`} hint={t`Kept in this browser.`}>
      <div className="flex flex-col gap-4">
        <div className="grid max-w-lg gap-4 sm:grid-cols-2">
          <Select label={t`Theme`} value={theme.use()} onChange={event => theme.set(event.target.value as Theme)}>
            <option value="system">{t`System`}</option>
            <option value="light">{t`Light`}</option>
            <option value="dark">{t`Dark`}</option>
          </Select>
          <Select label={t`Language`} value={locale.use()} onChange={event => locale.set(event.target.value as Locale)}>
            {Object.entries(LOCALES).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </Select>
        </div>
        <Check
          label={t`Blur private content`}
          hint={t`Messages, names and numbers, until the pointer is over them.`}
          checked={privacy.use() === 'on'}
          onChange={event => privacy.set(event.target.checked ? 'on' : 'off')}
        />
      </div>
    </Card>
  )
}

function Account() {
  const { t } = useLingui()
  const { name, email, id } = useMe()
  const [busy, logout] = useAction(LogoutDocument)
  const facts = [
    [t`Name`, name],
    [t`E-mail`, email],
    [t`Account id`, id],
  ]
  return (
    <Card title={t`Account`}>
      <div className="flex flex-wrap items-end gap-6">
        <dl className="mr-auto grid grid-cols-[auto_minmax(0,1fr)] gap-x-6 gap-y-2">
          {facts.map(([what, value]) => (
            <div key={what} className="contents">
              <dt className="text-soft">{what}</dt>
              <dd className="private truncate">{value}</dd>
            </div>
          ))}
        </dl>
        <Button
          icon={LogOut}
          busy={busy}
          onClick={async () => {
            if (await logout({})) leave()
          }}
        >
          <Trans>Sign out</Trans>
        </Button>
      </div>
    </Card>
  )
}
