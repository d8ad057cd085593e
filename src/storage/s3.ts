import { pipeline, type Readable } from 'node:stream'
import { exactly } from './exactly.ts'
import { assertKey, type Storage } from './storage.ts'

/** Of a bucket, the part below one prefix. */
export interface Bucket {
  bucket: string
  /** Without a slash at its ends; empty: the whole bucket. */
  prefix: string
  /** Null: AWS itself. */
  endpoint: string | null
}

/** Until a request has its answer's head; bytes may take longer, and their own reader bounds them. */
const ANSWER_MS = 30_000
const PUT_MS = 240_000

/** Region and credentials are those of the usual AWS variables, which the SDK reads by itself. */
export async function openS3Storage({ bucket, prefix, endpoint }: Bucket): Promise<Storage> {
  // Loaded when it is wanted: it takes a second, and most have no bucket.
  const { S3Client, DeleteObjectCommand, GetObjectCommand, PutObjectCommand } = await import('@aws-sdk/client-s3')
  const client = new S3Client({
    // A host of one's own has no name for each bucket.
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    // Checksums that came with 2025 are not understood by all that speak S3.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    logger: SILENT,
  })
  const at = (key: string) => ({ Bucket: bucket, Key: prefix === '' ? assertKey(key) : `${prefix}/${assertKey(key)}` })
  const remove = async (key: string) => {
    await client.send(new DeleteObjectCommand(at(key)), { abortSignal: AbortSignal.timeout(ANSWER_MS) })
  }
  return {
    async put(key, bytes, { sizeBytes, mimeType }) {
      const cut = new AbortController()
      const late = setTimeout(() => cut.abort(), PUT_MS)
      // The SDK would wait for bytes that do not come, and not hear why.
      let broken: Error | null | undefined
      const body = pipeline(bytes, exactly(sizeBytes), error => {
        broken = error
        if (error) cut.abort()
      })
      const command = { ...at(key), Body: body, ContentLength: sizeBytes, ContentType: mimeType }
      try {
        await client.send(new PutObjectCommand(command), { abortSignal: cut.signal })
      } catch (error) {
        const reason = broken ?? error
        bytes.destroy()
        // S3 itself keeps nothing of half a request; not all that speak its language are so.
        await remove(key).catch(() => {})
        throw reason
      } finally {
        clearTimeout(late)
      }
    },
    async open(key, range) {
      const command = { ...at(key), ...(range && { Range: `bytes=${range.start}-${range.end}` }) }
      try {
        const { Body } = await client.send(new GetObjectCommand(command), {
          abortSignal: AbortSignal.timeout(ANSWER_MS),
        })
        return Body as Readable
      } catch (error) {
        if (['NoSuchKey', 'NotFound'].includes((error as Error).name)) return null
        throw error
      }
    },
    delete: remove,
    async close() {
      client.destroy()
    },
  }
}

/** The SDK would write to the console. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }
