import { useLingui } from '@lingui/react/macro'
import { useNavigate } from '@tanstack/react-router'
import { FlaskConical } from 'lucide-react'
import { useState } from 'react'
import { useClient } from 'urql'
import { useSentence } from '../../app/sentences.ts'
import { codeOf } from '../../graphql/client.ts'
import { Button, type Look } from '../../ui/button.tsx'
import { useToast } from '../../ui/toast.tsx'
import { CreateInstanceDocument } from './instance-queries.ts'

const NAMES_TRIED = 20

/** One click: an instance in the sandbox, and its page, which connects it. */
export function TrySandbox({ look }: { look?: Look }) {
  const { t } = useLingui()
  const client = useClient()
  const navigate = useNavigate()
  const say = useToast()
  const sentence = useSentence()
  const [busy, setBusy] = useState(false)
  async function create() {
    for (let number = 1; number <= NAMES_TRIED; number++) {
      const name = number === 1 ? 'demo' : `demo ${number}`
      const { data, error } = await client
        .mutation(CreateInstanceDocument, { input: { name, sandbox: true } })
        .toPromise()
      if (error && codeOf(error) === 'duplicate') continue
      if (error) return say(sentence(error), 'danger')
      return navigate({
        to: '/i/$instanceId',
        params: { instanceId: data!.createInstance!.id },
        search: { connect: true },
      })
    }
  }
  return (
    <Button
      look={look}
      icon={FlaskConical}
      busy={busy}
      onClick={async () => {
        setBusy(true)
        await create()
        setBusy(false)
      }}
    >
      {t`Try without a phone`}
    </Button>
  )
}
