import { Trans, useLingui } from '@lingui/react/macro'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { KeyRound, Plus } from 'lucide-react'
import { useState } from 'react'
import { useQuery } from 'urql'
import { useFormat } from '../../app/format.ts'
import { useAction } from '../../app/use-action.ts'
import { graphql, type ResultOf } from '../../graphql/graphql.ts'
import { Button } from '../../ui/button.tsx'
import { Card } from '../../ui/card.tsx'
import { Confirm } from '../../ui/confirm.tsx'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import { NewApiKey } from './new-api-key.tsx'

const ApiKeysDocument = graphql(`
  query ApiKeys {
    apiKeys {
      data {
        id
        name
        keyPrefix
        createdAt
        lastUsedAt
      }
    }
  }
`)

const RevokeDocument = graphql(`
  mutation Revoke($keyId: ID!) {
    revokeApiKey(keyId: $keyId)
  }
`)

type Key = ResultOf<typeof ApiKeysDocument>['apiKeys']['data'][number]

export function ApiKeys() {
  const { t } = useLingui()
  const { create } = useSearch({ from: '/gate/settings' })
  const navigate = useNavigate({ from: '/settings' })
  const [{ data, error }, retry] = useQuery({ query: ApiKeysDocument })
  const [revoking, setRevoking] = useState<Key | null>(null)
  const [, revoke] = useAction(RevokeDocument)
  const keys = data?.apiKeys.data
  const setCreating = (isOn: boolean) => void navigate({ search: isOn ? { create: true } : {}, replace: true })
  const button = (
    <Button look="primary" icon={Plus} onClick={() => setCreating(true)}>
      <Trans>Create API key</Trans>
    </Button>
  )
  return (
    <Card
      flush
      title={t`API keys`}
      hint={t`Your programs send one in the header X-API-Key.`}
      actions={keys?.length ? button : null}
    >
      {error && !keys ? (
        <div className="p-5">
          <Failure error={error} onRetry={retry} />
        </div>
      ) : !keys ? (
        <Loading />
      ) : keys.length === 0 ? (
        <Empty icon={KeyRound} title={t`Create your first key`} actions={button}>
          <Trans>With it your programs do all that this page does, and more.</Trans>
        </Empty>
      ) : (
        <ul className="divide-y">
          {keys.map(key => (
            <Row key={key.id} apiKey={key} onRevoke={() => setRevoking(key)} />
          ))}
        </ul>
      )}
      <NewApiKey open={create === true} onClose={() => setCreating(false)} />
      <Confirm
        open={revoking !== null}
        onClose={() => setRevoking(null)}
        title={t`Revoke “${revoking?.name ?? ''}”?`}
        lead={t`Programs that use it are refused from this moment on.`}
        action={t`Revoke`}
        onConfirm={async () => (await revoke({ keyId: revoking!.id }, t`Revoked`)) !== null}
      />
    </Card>
  )
}

function Row({ apiKey, onRevoke }: { apiKey: Key; onRevoke: () => void }) {
  const { t } = useLingui()
  const { ago, date, dateTime } = useFormat()
  const { name, keyPrefix, createdAt, lastUsedAt } = apiKey
  return (
    <li className="flex flex-wrap items-center gap-x-6 gap-y-1 px-5 py-3">
      <span className="min-w-0 flex-1 basis-40">
        <span className="block truncate font-medium">{name}</span>
        <code className="font-mono text-[12px] text-soft">{keyPrefix}…</code>
      </span>
      <span className="text-[13px] text-soft" title={dateTime(createdAt)}>
        <Trans>Created {date(createdAt)}</Trans>
      </span>
      <span className="w-40 text-[13px] text-soft" title={lastUsedAt ? dateTime(lastUsedAt) : undefined}>
        {lastUsedAt ? t`Used ${ago(lastUsedAt)}` : t`Never used`}
      </span>
      <Button size="sm" look="danger" onClick={onRevoke} aria-label={t`Revoke ${name}`}>
        <Trans>Revoke</Trans>
      </Button>
    </li>
  )
}
