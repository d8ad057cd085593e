import { Readable } from 'node:stream'
import { afterAll, expect, it, vi } from 'vitest'
import { openS3Storage } from '../../src/storage/s3.ts'
import { conforms, type Opened } from './conformance.ts'
import { openS3Double, type S3Double } from './s3-double.ts'

const ACCOUNT = { bucket: 'media', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG' }

function useAccount({ accessKeyId, secretAccessKey }: typeof ACCOUNT): void {
  vi.stubEnv('AWS_REGION', 'eu-central-1')
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
}
afterAll(() => void vi.unstubAllEnvs())

async function open(prefix: string, account = ACCOUNT): Promise<Opened & { double: S3Double }> {
  useAccount(account)
  const double = await openS3Double(ACCOUNT)
  const storage = await openS3Storage({ bucket: 'media', prefix, endpoint: double.endpoint })
  return {
    double,
    storage,
    names: async () => [...double.objects.keys()],
    async close() {
      await storage.close()
      await double.close()
    },
  }
}

conforms('S3', () => open('some/where'))

const ONE = { sizeBytes: 1, mimeType: 'image/png' }

it('what is put into a bucket is below its prefix, or at its top without one', async () => {
  for (const [prefix, key] of [
    ['a/b', 'a/b/x1/med_1'],
    ['', 'x1/med_1'],
  ] as const) {
    const { storage, names, close } = await open(prefix)
    await storage.put('x1/med_1', Readable.from([Buffer.from('x')]), ONE)
    expect(await names()).toEqual([key])
    await close()
  }
})

it('requests are signed, by path, and say what they bring', async () => {
  const { storage, double, close } = await open('')
  await storage.put('x1/med_1', Readable.from([Buffer.from('x')]), ONE)
  expect(double.requests).toHaveLength(1)
  expect(double.requests[0]).toMatchObject({
    method: 'PUT',
    key: 'x1/med_1',
    headers: { 'content-type': 'image/png', 'content-length': '1' },
  })
  await close()
})

it('a bucket that does not let us in rejects, and is not taken for an empty one', async () => {
  const { storage, double, close } = await open('', { ...ACCOUNT, secretAccessKey: 'another' })
  double.objects.set('x1/med_1', Buffer.from('x'))
  await expect(storage.open('x1/med_1')).rejects.toThrow('SignatureDoesNotMatch')
  await expect(storage.delete('x1/med_1')).rejects.toThrow('SignatureDoesNotMatch')
  await expect(storage.put('x1/med_2', Readable.from([Buffer.from('x')]), ONE)).rejects.toThrow('SignatureDoesNotMatch')
  expect([...double.objects.keys()]).toEqual(['x1/med_1'])
  await close()
})
