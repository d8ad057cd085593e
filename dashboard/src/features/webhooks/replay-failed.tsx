import { useLingui } from '@lingui/react/macro'
import { useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { Dialog, DialogActions } from '../../ui/dialog.tsx'
import { Select } from '../../ui/field.tsx'
import { useToast } from '../../ui/toast.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { ReplayManyDocument } from './webhook-queries.ts'

const HOUR_MS = 3_600_000

export function ReplayFailed({ open, onClose, webhookId }: { open: boolean; onClose: () => void; webhookId: string }) {
  const { t } = useLingui()
  const say = useToast()
  const { id: instanceId } = useInstance()
  const [busy, replay] = useAction(ReplayManyDocument)
  const [hours, setHours] = useState('24')
  const [include, setInclude] = useState<'failed' | 'all'>('failed')
  const replayFrom = async (since: string, cursor: string | null) =>
    (await replay({ instanceId, webhookId, input: { since, include, cursor } }))?.replayDeliveries
  async function run() {
    const since = new Date(Date.now() - Number(hours) * HOUR_MS).toISOString()
    let count = 0
    let cursor: string | null = null
    do {
      const answer = await replayFrom(since, cursor)
      if (!answer) return
      count += answer.replayed
      cursor = answer.nextCursor
    } while (cursor !== null)
    say(t`Sent again: ${count}`)
    onClose()
  }
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={t`Send again`}
      lead={t`Each with the same id as before, so that your program can tell.`}
    >
      <div className="flex flex-col gap-4">
        <Select label={t`What happened in`} value={hours} onChange={event => setHours(event.target.value)}>
          <option value="1">{t`the last hour`}</option>
          <option value="24">{t`the last 24 hours`}</option>
          <option value="168">{t`the last 7 days`}</option>
        </Select>
        <Select label={t`Which`} value={include} onChange={event => setInclude(event.target.value as typeof include)}>
          <option value="failed">{t`Those that failed`}</option>
          <option value="all">{t`All of them`}</option>
        </Select>
      </div>
      <DialogActions>
        <Button onClick={onClose}>{t`Cancel`}</Button>
        <Button look="primary" busy={busy} onClick={run}>{t`Send again`}</Button>
      </DialogActions>
    </Dialog>
  )
}
