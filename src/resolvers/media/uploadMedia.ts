import { type Context, tenantOf } from '../../context.ts'
import { insertMedia } from '../../db/queries/media.ts'
import { isForeignKeyViolation } from '../../db/sql.ts'
import { invalid, notFound } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { instance } from '../instances/instance.ts'
import { type StoredMedia, shown } from './shape.ts'
import { storing } from './store.ts'
import type { UploadedFile } from './uploaded-file.ts'

/** Before the first byte of the file is read: whether there is an instance that it can belong to. */
export async function admitUpload(ctx: Context, args: { instanceId: string }): Promise<void> {
  await instance(ctx, args)
}

export async function uploadMedia(
  ctx: Context,
  { instanceId, file }: { instanceId: string; file: UploadedFile },
): Promise<StoredMedia> {
  const tenantId = tenantOf(ctx)
  await admitUpload(ctx, { instanceId })
  if (file.sizeBytes === 0) throw invalid({ file: 'must not be empty' })
  const { seconds, thumbnail } = await ctx.describer.describe(file.path, file.mimeType)
  const mediaId = newId('med')
  const row = {
    id: mediaId,
    tenantId,
    instanceId,
    mimeType: file.mimeType,
    sniffedType: file.mimeType,
    sizeBytes: file.sizeBytes,
    sha256: Buffer.from(file.sha256, 'hex'),
    filename: file.filename,
    seconds,
    thumbnail,
    now: ctx.clock.now(),
  }
  try {
    const stored = await storing(ctx, { mediaId, spooled: file, mimeType: file.mimeType }, async (sql, storageKey) => {
      const stored = shown(await insertMedia(sql, { ...row, storageKey }))
      await ctx.once?.keep(sql, stored)
      return stored
    })
    ctx.metrics.work.carried('uploaded', file.sizeBytes)
    return stored
  } catch (error) {
    // The instance was deleted while its file came in.
    if (isForeignKeyViolation(error)) throw notFound('instance')
    throw error
  }
}
