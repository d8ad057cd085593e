import type { Context } from '../../context.ts'
import { mediaUrl } from '../../events/render-content.ts'

/** Where the bytes of a medium are. */
export const urlOf = (ctx: Context, of: { instanceId: string; mediaId: string }): string =>
  mediaUrl({ publicUrl: ctx.config.publicUrl, ...of })
