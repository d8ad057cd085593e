import { useLingui } from '@lingui/react/macro'

export type MessageType =
  | 'text'
  | 'image'
  | 'video'
  | 'audio'
  | 'document'
  | 'sticker'
  | 'location'
  | 'contacts'
  | 'unsupported'

export function useTypeName(): (type: MessageType) => string {
  const { t } = useLingui()
  return type =>
    ({
      text: t`Text`,
      image: t`Image`,
      video: t`Video`,
      audio: t`Audio`,
      document: t`Document`,
      sticker: t`Sticker`,
      location: t`Location`,
      contacts: t`Contact card`,
      unsupported: t`Unsupported message`,
    })[type]
}
