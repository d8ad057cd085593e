import { Trans, useLingui } from '@lingui/react/macro'
import { Navigate } from '@tanstack/react-router'
import { MailCheck } from 'lucide-react'
import { Tabs } from 'radix-ui'
import { type FormEvent, useEffect, useState } from 'react'
import { useQuery } from 'urql'
import { Preferences } from '../../app/preferences-menu.tsx'
import { MeDocument } from '../../app/session.ts'
import { Brand } from '../../app/shell.tsx'
import { useAction } from '../../app/use-action.ts'
import { graphql } from '../../graphql/graphql.ts'
import { Button, buttonClass } from '../../ui/button.tsx'
import { Field } from '../../ui/field.tsx'
import { useTitle } from '../../ui/page.tsx'

const LoginDocument = graphql(`
  mutation Login($input: LoginInput!) {
    login(input: $input) {
      message
    }
  }
`)

const SignupDocument = graphql(`
  mutation Signup($input: SignupInput!) {
    signup(input: $input) {
      message
    }
  }
`)

type Way = 'login' | 'signup'

export function SignInPage() {
  const { t } = useLingui()
  const [{ data }] = useQuery({ query: MeDocument })
  const [way, setWay] = useState<Way>('login')
  const [sentTo, setSentTo] = useState<string | null>(null)
  useTitle(t`Sign in`)
  if (data) return <Navigate to="/" replace />
  return (
    <div className="flex min-h-full flex-col">
      <header className="flex items-center justify-between p-4 sm:px-6">
        <Brand />
        <Preferences />
      </header>
      <main className="grid flex-1 place-items-center p-4 pb-24">
        <div className="w-full max-w-sm">
          <h1 className="font-semibold text-2xl tracking-tight">
            <Trans>Welcome to Wataki</Trans>
          </h1>
          <p className="mt-1 mb-6 text-soft">
            <Trans>WhatsApp as an API. No password: we send you a link.</Trans>
          </p>
          <div className="rounded-2xl border bg-panel p-6 shadow-card">
            {sentTo === null ? (
              <Tabs.Root value={way} onValueChange={value => setWay(value as Way)}>
                <Tabs.List aria-label={t`How to come in`} className="mb-5 grid grid-cols-2 rounded-lg bg-sunken p-1">
                  <TabName value="login">{t`Sign in`}</TabName>
                  <TabName value="signup">{t`Create account`}</TabName>
                </Tabs.List>
                <Tabs.Content value={way} tabIndex={-1}>
                  <SignInForm key={way} way={way} onSent={setSentTo} />
                </Tabs.Content>
              </Tabs.Root>
            ) : (
              <Sent email={sentTo} onBack={() => setSentTo(null)} />
            )}
          </div>
        </div>
      </main>
    </div>
  )
}

const TabName = ({ value, children }: { value: Way; children: string }) => (
  <Tabs.Trigger
    value={value}
    className="h-8 rounded-md font-medium text-soft data-[state=active]:bg-panel data-[state=active]:text-ink data-[state=active]:shadow-card"
  >
    {children}
  </Tabs.Trigger>
)

function SignInForm({ way, onSent }: { way: Way; onSent: (email: string) => void }) {
  const { t } = useLingui()
  const [loggingIn, login] = useAction(LoginDocument)
  const [signingUp, signup] = useAction(SignupDocument)
  const [name, setName] = useState('')
  const [email, setEmail] = useState('')
  async function submit(event: FormEvent) {
    event.preventDefault()
    const answer = way === 'login' ? await login({ input: { email } }) : await signup({ input: { name, email } })
    if (answer) onSent(email)
  }
  return (
    <form onSubmit={submit} className="flex flex-col gap-4">
      {way === 'signup' && (
        <Field
          label={t`Your name or company`}
          value={name}
          onChange={event => setName(event.target.value)}
          autoComplete="organization"
          maxLength={100}
          required
        />
      )}
      <Field
        label={t`E-mail`}
        type="email"
        value={email}
        onChange={event => setEmail(event.target.value)}
        autoComplete="email"
        placeholder="you@example.com"
        required
      />
      <Button type="submit" look="primary" busy={loggingIn || signingUp}>
        {way === 'login' ? t`Send me a link` : t`Create account`}
      </Button>
    </form>
  )
}

/** Whether this server keeps letters where its developer can read them. */
function useMailbox(): boolean {
  const [isThere, setThere] = useState(false)
  useEffect(() => {
    fetch('/dev/mailbox', { method: 'HEAD' }).then(
      answer => setThere(answer.ok),
      () => {},
    )
  }, [])
  return isThere
}

function Sent({ email, onBack }: { email: string; onBack: () => void }) {
  const hasMailbox = useMailbox()
  return (
    <div role="status" className="flex flex-col items-center gap-4 text-center">
      <span className="grid size-11 place-items-center rounded-xl bg-brand-soft text-brand-ink">
        <MailCheck className="size-5" aria-hidden />
      </span>
      <div>
        <h2 className="font-semibold text-[15px]">
          <Trans>Look into your mail</Trans>
        </h2>
        <p className="mt-1 text-soft">
          <Trans>
            If everything is right, a link is on its way to <strong className="text-ink">{email}</strong>. It works
            once, for 15 minutes.
          </Trans>
        </p>
      </div>
      {hasMailbox && (
        <div className="w-full rounded-lg bg-warn-soft p-4 text-left text-[13px] text-warn">
          <p className="mb-3">
            <Trans>This server is in local mode and may send no mail. The links are in its mailbox.</Trans>
          </p>
          <a href="/dev/mailbox" className={`${buttonClass('primary', 'sm')} w-full`}>
            <Trans>Open the mailbox</Trans>
          </a>
        </div>
      )}
      <Button look="quiet" size="sm" onClick={onBack}>
        <Trans>Use another address</Trans>
      </Button>
    </div>
  )
}
