import { GraphQLError } from 'graphql'
import { media } from '../resolvers/media/media.ts'
import type { StoredMedia } from '../resolvers/media/shape.ts'
import { UploadedFile } from '../resolvers/media/uploaded-file.ts'
import { admitUpload, uploadMedia } from '../resolvers/media/uploadMedia.ts'
import { urlOf } from '../resolvers/media/url.ts'
import { builder } from './builder.ts'
import { routes } from './route.ts'

const rest = routes('Media')

const NO_FILE = 'must be a file, sent as multipart/form-data'

builder.scalarType('Upload', {
  description:
    'A file, sent as `multipart/form-data`: on GraphQL by the [multipart request specification](https://github.com/jaydenseric/graphql-multipart-request-spec), one in a request.',
  parseValue: value => {
    if (value instanceof UploadedFile) return value
    throw new GraphQLError(NO_FILE)
  },
  parseLiteral: () => {
    throw new GraphQLError(NO_FILE)
  },
  serialize: () => {
    throw new GraphQLError('a file is never an answer')
  },
})

export const MediaObject = builder.objectRef<StoredMedia>('Media').implement({
  description: 'A file: uploaded to be sent, or received with a message.',
  fields: t => ({
    id: t.exposeID('id', { description: '`med_…`: the `mediaId` of message content.' }),
    instanceId: t.exposeID('instanceId', { description: 'The instance it belongs to.' }),
    messageId: t.exposeID('messageId', {
      nullable: true,
      description: 'The message that brought it; null for uploads.',
    }),
    mimeType: t.exposeString('mimeType', {
      description: 'What it is. Of an upload its bytes say so; of a received file, its sender.',
    }),
    sizeBytes: t.exposeInt('sizeBytes', {
      description: 'Its length; of a received file as announced until it is here.',
    }),
    sha256: t.exposeString('sha256', {
      nullable: true,
      description: 'SHA-256 of its bytes in hex, once they are here.',
    }),
    filename: t.exposeString('filename', { nullable: true, description: 'Its name, if it has one.' }),
    seconds: t.exposeInt('seconds', { nullable: true, description: 'How long it plays, where that is known.' }),
    url: t.string({
      description: 'Where its bytes are, for whoever may see the instance.',
      resolve: (file, _, ctx) => urlOf(ctx, { instanceId: file.instanceId, mediaId: file.id }),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was uploaded or received.' }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const

builder.queryFields(t => ({
  media: t.field({
    type: MediaObject,
    description: 'A file and what is known of it.',
    args: { instanceId: t.arg.id(instanceId), mediaId: t.arg.id({ required: true, description: '`med_…`' }) },
    ...rest.get('/instances/{instance_id}/media/{media_id}'),
    resolve: (_, args, ctx) => media(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  uploadMedia: t.field({
    type: MediaObject,
    description: 'Uploads a file, to be sent as image, video, audio or document.',
    args: {
      instanceId: t.arg.id(instanceId),
      file: t.arg({ type: 'Upload', required: true, description: 'The file, at most 15 MB by default.' }),
    },
    ...rest.post('/instances/{instance_id}/media', {
      status: 201,
      once: true,
      multipart: { admit: (ctx, args) => admitUpload(ctx, args as { instanceId: string }) },
    }),
    resolve: (_, args, ctx) => uploadMedia(ctx, args),
  }),
}))
