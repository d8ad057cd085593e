import { type Context, tenantOf } from '../../context.ts'
import { findMedia } from '../../db/queries/media.ts'
import { notFound } from '../../errors.ts'
import { type StoredMedia, shown } from './shape.ts'

/** What is known of one file; foreign and missing ones are the same 404. */
export async function media(ctx: Context, args: { instanceId: string; mediaId: string }): Promise<StoredMedia> {
  const row = await findMedia(ctx.db.sql, { tenantId: tenantOf(ctx), ...args })
  if (!row) throw notFound('media')
  return shown(row)
}
