import { Trans } from '@lingui/react/macro'
import { FileText, MapPin } from 'lucide-react'
import { useFormat } from '../../app/format.ts'
import type { Message } from './bubble.tsx'

/** Of a file its address on the host that this page came from. */
const here = (url: string): string => new URL(url).pathname

export function Content({ message: { content } }: { message: Message }) {
  const { bytes } = useFormat()
  switch (content.__typename) {
    case 'TextContent':
      return <p className="whitespace-pre-wrap">{content.text}</p>
    case 'ImageContent':
      return (
        <>
          <a href={here(content.media.url)} target="_blank" rel="noreferrer">
            <img
              src={here(content.media.url)}
              alt={content.caption ?? ''}
              className="max-h-64 rounded-lg"
              loading="lazy"
            />
          </a>
          {content.caption && <p className="mt-1">{content.caption}</p>}
        </>
      )
    case 'StickerContent':
      return <img src={here(content.media.url)} alt="" className="size-32" loading="lazy" />
    case 'VideoContent':
      return (
        // biome-ignore lint/a11y/useMediaCaption: people's own videos have none
        <video src={here(content.media.url)} controls className="max-h-64 rounded-lg" preload="metadata" />
      )
    case 'AudioContent':
      return (
        // biome-ignore lint/a11y/useMediaCaption: people's own voice notes have none
        <audio src={here(content.media.url)} controls preload="none" />
      )
    case 'DocumentContent':
      return (
        <a
          href={here(content.media.url)}
          className="flex items-center gap-2 underline"
          download={content.filename ?? ''}
        >
          <FileText className="size-5 shrink-0" aria-hidden />
          {content.filename ?? content.media.mimeType} · {bytes(content.media.sizeBytes)}
        </a>
      )
    case 'LocationContent':
      return (
        <p className="flex items-center gap-2">
          <MapPin className="size-5 shrink-0" aria-hidden />
          {content.name ?? content.address ?? `${content.latitude}, ${content.longitude}`}
        </p>
      )
    case 'ContactsContent':
      return <p>{content.contacts.map(each => `${each.name} ${each.phone ?? ''}`.trim()).join(', ')}</p>
    default:
      return (
        <em className="text-soft">
          <Trans>This kind of message is kept, but not shown.</Trans>
        </em>
      )
  }
}
