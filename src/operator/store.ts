import { join } from 'node:path'
import type { Config } from '../config.ts'
import { openFileStorage } from '../storage/file.ts'
import { openS3Storage } from '../storage/s3.ts'
import type { Storage } from '../storage/storage.ts'

/** Where the settings say that media are. */
export const openStorage = async ({ mediaBucket, dataDir }: Config): Promise<Storage> =>
  mediaBucket ? openS3Storage(mediaBucket) : openFileStorage(join(dataDir, 'media'))
