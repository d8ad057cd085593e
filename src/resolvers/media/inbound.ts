import type { App } from '../../context.ts'
import type { Sql } from '../../db/sql.ts'
import type { InboundMedia } from '../../whatsapp/whatsapp.ts'
import type { MediaRef } from '../messages/shape.ts'
export async function insertInboundMedia(
  _sql: Sql,
  _app: App,
  _of: { instanceId: string; tenantId: string; messageId: string; media: InboundMedia },
): Promise<MediaRef> {
  throw new Error('later')
}
