import { Trans, useLingui } from '@lingui/react/macro'
import { Link } from '@tanstack/react-router'
import { Check } from 'lucide-react'
import type { ReactNode } from 'react'
import { listenCommand } from '../../app/listen-command.ts'
import type { ResultOf } from '../../graphql/graphql.ts'
import { buttonClass } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/copy.tsx'
import { TrySandbox } from '../instances/try-sandbox.tsx'
import type { HomeDocument } from './home-page.tsx'

interface Step {
  title: string
  isDone: boolean
  /** Shown for the next one to do. */
  how?: ReactNode
}

/** Five steps, ticked by what is there; gone when all are done. */
export function Checklist({ data }: { data: ResultOf<typeof HomeDocument> }) {
  const { t } = useLingui()
  const { ever, instances, apiKeys } = data
  const instance = instances.data.find(each => each.status.state === 'connected') ?? instances.data[0]
  const link = buttonClass('primary')
  const steps: Step[] = [
    { title: t`You are signed in`, isDone: true },
    {
      title: t`Connect an instance`,
      isDone: instances.data.some(each => each.phoneNumber !== null),
      how: instance ? (
        <Link to="/i/$instanceId" params={{ instanceId: instance.id }} className={link}>
          <Trans>Go on linking {instance.name}</Trans>
        </Link>
      ) : (
        <TrySandbox look="primary" />
      ),
    },
    {
      title: t`Send a message and get an answer`,
      isDone: ever.messages.sent > 0 && ever.messages.received > 0,
      how: instance && (
        <Link to="/i/$instanceId/chats" params={{ instanceId: instance.id }} className={link}>
          <Trans>Open chats</Trans>
        </Link>
      ),
    },
    {
      title: t`Create an API key`,
      isDone: apiKeys.data.length > 0,
      how: (
        <Link to="/settings" search={{ create: true }} className={link}>
          <Trans>Create API key</Trans>
        </Link>
      ),
    },
    {
      title: t`Hear it in your own program`,
      isDone: ever.webhooks.delivered > 0 || apiKeys.data.some(each => each.lastUsedAt !== null),
      how: <ListenHint />,
    },
  ]
  const next = steps.find(step => !step.isDone)
  if (!next) return null
  const done = steps.filter(step => step.isDone).length
  return (
    <section aria-labelledby="checklist" className="rounded-xl border bg-panel p-5 shadow-card sm:p-6">
      <div className="mb-4 flex items-baseline justify-between gap-4">
        <h2 id="checklist" className="font-semibold text-[15px]">
          <Trans>First steps</Trans>
        </h2>
        <p className="text-[13px] text-soft tabular-nums">
          <Trans>
            {done} of {steps.length} done
          </Trans>
        </p>
      </div>
      <ol className="flex flex-col">
        {steps.map((step, index) => (
          <li key={step.title} className="flex gap-3.5 py-2">
            <Tick isDone={step.isDone} number={index + 1} isNext={step === next} />
            <div className="min-w-0 flex-1 pt-0.5">
              <p className={step.isDone ? 'text-soft' : 'font-medium'}>
                {step.title}
                {step.isDone && <span className="sr-only"> ({t`done`})</span>}
              </p>
              {step === next && <div className="mt-3 mb-1">{step.how}</div>}
            </div>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Tick({ isDone, number, isNext }: { isDone: boolean; number: number; isNext: boolean }) {
  if (isDone) {
    return (
      <span className="grid size-6 shrink-0 place-items-center rounded-full bg-brand text-on-brand" aria-hidden>
        <Check className="size-3.5" strokeWidth={3} />
      </span>
    )
  }
  return (
    <span
      aria-hidden
      className={`grid size-6 shrink-0 place-items-center rounded-full border-2 font-semibold text-[12px] ${
        isNext ? 'border-brand text-brand-ink' : 'border-line text-soft'
      }`}
    >
      {number}
    </span>
  )
}

function ListenHint() {
  const { t } = useLingui()
  return (
    <div className="flex max-w-2xl flex-col gap-3">
      <p className="text-soft">
        <Trans>Set WATAKI_API_KEY to your key, then run this. Events reach your machine, with no tunnel.</Trans>
      </p>
      <CodeBlock text={listenCommand()} label={t`Command`} />
    </div>
  )
}
