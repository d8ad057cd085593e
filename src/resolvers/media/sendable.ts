import type { Context } from '../../context.ts'
import { invalid } from '../../errors.ts'
export async function findSendable(
  _ctx: Context,
  _of: { instanceId: string; mediaId: string; type: string },
): Promise<{ mimeType: string; sizeBytes: number; filename: string | null }> {
  throw invalid({ 'content.media.mediaId': 'is not there' })
}
