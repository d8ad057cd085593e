/** What a message says, as REST answers it: the fields of its type, media with their address. */
export function renderContent(
  content: Record<string, unknown>,
  at: { publicUrl: string; instanceId: string },
): Record<string, unknown> {
  const { media, ...rest } = content as { media?: { mediaId: string; mimeType: string; sizeBytes: number } }
  if (!media) return content
  const { mediaId, mimeType, sizeBytes } = media
  const url = mediaUrl({ ...at, mediaId })
  return { media: { media_id: mediaId, mime_type: mimeType, size_bytes: sizeBytes, url }, ...rest }
}

/** Where the bytes are, for who may see them. */
export const mediaUrl = (of: { publicUrl: string; instanceId: string; mediaId: string }): string =>
  `${of.publicUrl}/v1/instances/${of.instanceId}/media/${of.mediaId}/content`
