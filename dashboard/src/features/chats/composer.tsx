import { useLingui } from '@lingui/react/macro'
import { Paperclip, SendHorizontal } from 'lucide-react'
import { type ChangeEvent, type FormEvent, useRef, useState } from 'react'
import { useAction } from '../../app/use-action.ts'
import { Button } from '../../ui/button.tsx'
import { inputClass } from '../../ui/field.tsx'
import { useInstance } from '../instances/instance-layout.tsx'
import { SendDocument, UploadDocument } from './chat-queries.ts'

const KINDS = ['image', 'video', 'audio'] as const

export function Composer({ chatId }: { chatId: string }) {
  const { t } = useLingui()
  const { id, status } = useInstance()
  const [sending, send] = useAction(SendDocument)
  const [uploading, upload] = useAction(UploadDocument)
  const [text, setText] = useState('')
  const file = useRef<HTMLInputElement>(null)
  const isOff = !['connected', 'connecting', 'reconnecting'].includes(status.state)

  async function submit(event: FormEvent) {
    event.preventDefault()
    if (text.trim() === '') return
    const isSent = await send({ instanceId: id, input: { chatId, type: 'text', content: { text } } })
    if (isSent) setText('')
  }

  async function attach({ target }: ChangeEvent<HTMLInputElement>) {
    const chosen = target.files?.[0]
    target.value = ''
    if (!chosen) return
    const media = (await upload({ instanceId: id, file: chosen }))?.uploadMedia
    if (!media) return
    const type = KINDS.find(kind => media.mimeType.startsWith(`${kind}/`)) ?? 'document'
    const caption = text.trim() === '' || type === 'audio' ? undefined : text
    const isSent = await send({
      instanceId: id,
      input: { chatId, type, content: { media: { mediaId: media.id }, caption } },
    })
    if (isSent && caption) setText('')
  }

  return (
    <form onSubmit={submit} className="flex items-center gap-2 border-t p-3">
      <input ref={file} type="file" className="hidden" aria-hidden tabIndex={-1} onChange={attach} />
      <Button
        look="quiet"
        icon={Paperclip}
        className="!px-2.5"
        aria-label={t`Attach a file`}
        busy={uploading}
        disabled={isOff}
        onClick={() => file.current?.click()}
      />
      <input
        aria-label={t`Message`}
        placeholder={isOff ? t`Connect the instance to write` : t`Write a message`}
        className={inputClass}
        value={text}
        disabled={isOff}
        onChange={event => setText(event.target.value)}
      />
      <Button type="submit" look="primary" icon={SendHorizontal} busy={sending} disabled={isOff}>
        {t`Send`}
      </Button>
    </form>
  )
}
