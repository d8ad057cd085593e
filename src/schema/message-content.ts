import { urlOf } from '../resolvers/media/url.ts'
import type { ContentInput, SendableType } from '../resolvers/messages/content.ts'
import type { MediaRef, MessageContent } from '../resolvers/messages/shape.ts'
import { builder } from './builder.ts'
import { between, check, line, notNull, text } from './check.ts'
import { phoneNumber } from './phone.ts'

/** What messages say: one type for each kind, and the one input that all kinds share. */

type Of<Type extends MessageContent['type']> = Extract<MessageContent, { type: Type }>

export const MessageTypeEnum = builder.enumType('MessageType', {
  description: 'What kind of message it is.',
  values: {
    text: { description: 'Text.' },
    image: { description: 'An image.' },
    video: { description: 'A video.' },
    audio: { description: 'An audio file; `ptt` marks a voice note.' },
    document: { description: 'A file.' },
    sticker: { description: 'A sticker; received only.' },
    location: { description: 'A place.' },
    contacts: { description: "People's cards." },
    unsupported: { description: 'A kind that this version does not read; it is kept nonetheless.' },
  } satisfies Record<MessageContent['type'], { description: string }>,
})

/** What `content` each kind asks for, of whoever sends it. */
export const SENDABLE_VALUES = {
  text: { description: '`{text}`' },
  image: { description: '`{media: {mediaId}, caption}`' },
  video: { description: '`{media: {mediaId}, caption}`' },
  audio: { description: '`{media: {mediaId}, ptt}`' },
  document: { description: '`{media: {mediaId}, filename, caption}`' },
  location: { description: '`{latitude, longitude, name, address}`' },
  contacts: { description: '`{contacts: [{name, phone}]}`' },
} satisfies Record<SendableType, { description: string }>

export const SendableTypeEnum = builder.enumType('SendableType', {
  description: 'What kinds of message can be sent, and what `content` each asks for.',
  values: SENDABLE_VALUES,
})

const Media = builder.objectRef<MediaRef>('MessageMedia').implement({
  description: 'The file of a message.',
  fields: t => ({
    mediaId: t.exposeID('mediaId', { description: '`med_…`, for the media routes.' }),
    mimeType: t.exposeString('mimeType', { description: 'Its media type, as the sender says.' }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Its size in bytes, as the sender says until it is fetched.' }),
    url: t.string({
      description: 'Where the bytes are; send your API key along.',
      resolve: ({ mediaId, instanceId }, _args, ctx) => urlOf(ctx, { instanceId: instanceId!, mediaId }),
    }),
  }),
})

const media = { type: Media, description: 'The file.' } as const
const caption = { nullable: true, description: 'The text below it; null when there is none.' } as const
const placeName = { nullable: true, description: 'What it is called; null when that is not told.' } as const

const TextContent = builder.objectRef<Of<'text'>>('TextContent').implement({
  description: 'Content of a text message.',
  fields: t => ({ text: t.exposeString('text', { description: 'The text.' }) }),
})

const ImageContent = builder.objectRef<Of<'image'>>('ImageContent').implement({
  description: 'Content of an image.',
  fields: t => ({ media: t.expose('media', media), caption: t.exposeString('caption', caption) }),
})

const VideoContent = builder.objectRef<Of<'video'>>('VideoContent').implement({
  description: 'Content of a video.',
  fields: t => ({ media: t.expose('media', media), caption: t.exposeString('caption', caption) }),
})

const AudioContent = builder.objectRef<Of<'audio'>>('AudioContent').implement({
  description: 'Content of an audio message.',
  fields: t => ({
    media: t.expose('media', media),
    caption: t.exposeString('caption', caption),
    ptt: t.exposeBoolean('ptt', { description: 'Whether it is a voice note.' }),
  }),
})

const DocumentContent = builder.objectRef<Of<'document'>>('DocumentContent').implement({
  description: 'Content of a document.',
  fields: t => ({
    media: t.expose('media', media),
    caption: t.exposeString('caption', caption),
    filename: t.exposeString('filename', { nullable: true, description: 'Its name; null when that is not told.' }),
  }),
})

const StickerContent = builder.objectRef<Of<'sticker'>>('StickerContent').implement({
  description: 'Content of a sticker.',
  fields: t => ({ media: t.expose('media', media), caption: t.exposeString('caption', caption) }),
})

export const LocationContent = builder.objectRef<Of<'location'>>('LocationContent').implement({
  description: 'A place.',
  fields: t => ({
    latitude: t.exposeFloat('latitude', { description: 'Degrees north.' }),
    longitude: t.exposeFloat('longitude', { description: 'Degrees east.' }),
    name: t.exposeString('name', placeName),
    address: t.exposeString('address', { nullable: true, description: 'Its address; null when that is not told.' }),
  }),
})

const ContactCard = builder.objectRef<Of<'contacts'>['contacts'][number]>('ContactCard').implement({
  description: 'A card of a person.',
  fields: t => ({
    name: t.exposeString('name', { description: 'The name on it.' }),
    phone: t.exposeString('phone', { nullable: true, description: 'The first number on it; null when there is none.' }),
  }),
})

export const ContactsContent = builder.objectRef<Of<'contacts'>>('ContactsContent').implement({
  description: "People's cards.",
  fields: t => ({ contacts: t.expose('contacts', { type: [ContactCard], description: 'The cards.' }) }),
})

export const UnsupportedContent = builder.objectRef<Of<'unsupported'>>('UnsupportedContent').implement({
  description: 'Stands for a kind of message that this version does not read.',
  fields: t => ({ kind: t.exposeString('kind', { description: "The protocol's own name of the kind." }) }),
})

export { TextContent }

const TYPE_OF = {
  text: TextContent,
  image: ImageContent,
  video: VideoContent,
  audio: AudioContent,
  document: DocumentContent,
  sticker: StickerContent,
  location: LocationContent,
  contacts: ContactsContent,
  unsupported: UnsupportedContent,
} as const

export const MessageContentUnion = builder.unionType('MessageContent', {
  description: 'What a message says, by its type.',
  types: Object.values(TYPE_OF),
  resolveType: content => TYPE_OF[content.type],
})

const MediaInput = builder.inputType('MessageMediaInput', {
  description: 'A file that was uploaded.',
  fields: t => ({ mediaId: t.id({ required: true, description: '`med_…` of the instance.' }) }),
})

const CardInput = builder.inputType('ContactCardInput', {
  description: 'A card of a person.',
  fields: t => ({
    name: t.string({ required: true, description: 'Up to 100 characters.', ...check(line(100)) }),
    phone: t.string({ required: true, description: 'In international form.', ...check(phoneNumber) }),
  }),
})

export const MessageContentInput = builder.inputType('MessageContentInput', {
  description: 'The fields that the `type` asks for, and no others.',
  fields: t => ({
    text: t.string({ description: 'For `text`: up to 65,536 characters.', ...notNull(text(65_536)) }),
    media: t.field({ type: MediaInput, description: 'For `image`, `video`, `audio`, `document`.', ...notNull() }),
    caption: t.string({
      description: 'For `image`, `video`, `document`: up to 4,096 characters.',
      ...notNull(text(4096)),
    }),
    ptt: t.boolean({
      description: 'For `audio`: send it as a voice note, which phones play if it is OGG with Opus. Default false.',
      ...notNull(),
    }),
    filename: t.string({
      description: 'For `document`: its name on the phone; by default that of the upload.',
      ...notNull(line(255)),
    }),
    latitude: t.float({ description: 'For `location`: degrees north.', ...notNull(between(-90, 90)) }),
    longitude: t.float({ description: 'For `location`: degrees east.', ...notNull(between(-180, 180)) }),
    name: t.string({ description: 'For `location`: what it is called.', ...notNull(line(200)) }),
    address: t.string({ description: 'For `location`: its address.', ...notNull(line(500)) }),
    contacts: t.field({ type: [CardInput], description: 'For `contacts`: 1 to 50 cards.', ...notNull(cards) }),
  }),
})

function cards(value: unknown[]): string | null {
  return value.length < 1 || value.length > 50 ? 'must have 1 to 50 cards' : null
}

/** By type: the fields it must have, and those it may have. */
const FIELDS: Record<SendableType, { required: (keyof ContentInput)[]; optional: (keyof ContentInput)[] }> = {
  text: { required: ['text'], optional: [] },
  image: { required: ['media'], optional: ['caption'] },
  video: { required: ['media'], optional: ['caption'] },
  audio: { required: ['media'], optional: ['ptt'] },
  document: { required: ['media'], optional: ['caption', 'filename'] },
  location: { required: ['latitude', 'longitude'], optional: ['name', 'address'] },
  contacts: { required: ['contacts'], optional: [] },
}

/** Each type asks for its own fields and admits no others. What its own type refused is not there, and is told already. */
export const contentFitsType = (input: {
  type?: SendableType
  content?: ContentInput
}): Record<string, string> | null => {
  const fields = input.type && FIELDS[input.type]
  if (!fields || !input.content) return null
  const problems: Record<string, string> = {}
  for (const name of fields.required) {
    const value = input.content[name]
    if (value === '') problems[`content.${name}`] = 'must not be empty'
    else if (value == null) problems[`content.${name}`] = 'is required'
  }
  for (const [name, value] of Object.entries(input.content)) {
    const known = [...fields.required, ...fields.optional] as string[]
    if (value != null && !known.includes(name)) problems[`content.${name}`] = `is not a field of the type ${input.type}`
  }
  return Object.keys(problems).length > 0 ? problems : null
}
