import { openFileStorage } from './file.ts'
import { type Bucket, openS3Storage } from './s3.ts'
import type { Storage } from './storage.ts'

/** Below the folder, unless there is a bucket. */
export const openStorage = async (at: { bucket: Bucket | null; folder: string }): Promise<Storage> =>
  at.bucket ? openS3Storage(at.bucket) : openFileStorage(at.folder)
