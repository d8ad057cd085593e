import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/**
 * The far end of the wire: one bucket that keeps its objects in memory, checks the signature of each request (AWS
 * Signature Version 4) and, like S3, has an object whole or not at all. s3rver, which is on npm, cuts ranges wrongly
 * and keeps halves.
 */
export interface S3Double {
  endpoint: string
  objects: Map<string, Buffer>
  requests: { method: string; key: string; headers: IncomingMessage['headers'] }[]
  close(): Promise<void>
}

interface Account {
  bucket: string
  accessKeyId: string
  secretAccessKey: string
}

export async function openS3Double(account: Account): Promise<S3Double> {
  const objects = new Map<string, Buffer>()
  const requests: S3Double['requests'] = []
  const server = createServer((req, res) => {
    serve(req, res).catch(() => res.destroy())
  })
  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname } = new URL(req.url!, 'http://x')
    const [, bucket, ...rest] = pathname.split('/').map(decodeURIComponent)
    const key = rest.join('/')
    requests.push({ method: req.method!, key, headers: req.headers })
    if (!isSigned(req, account)) return refuse(res, 403, 'SignatureDoesNotMatch')
    if (bucket !== account.bucket) return refuse(res, 404, 'NoSuchBucket')
    if (req.method === 'PUT') {
      const bytes = await buffer(req)
      objects.set(key, bytes)
      res.writeHead(200, { etag: '"x"' }).end()
    } else if (req.method === 'DELETE') {
      objects.delete(key)
      res.writeHead(204).end()
    } else get(objects.get(key), req, res)
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    requests,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

function get(bytes: Buffer | undefined, req: IncomingMessage, res: ServerResponse): void {
  if (!bytes) return void refuse(res, 404, 'NoSuchKey')
  const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? '')
  if (!range) return void res.writeHead(200, { 'content-length': bytes.length }).end(bytes)
  const [start, end] = [Number(range[1]), Math.min(Number(range[2]), bytes.length - 1)]
  if (start >= bytes.length) return void refuse(res, 416, 'InvalidRange')
  const part = bytes.subarray(start, end + 1)
  const head = { 'content-length': part.length, 'content-range': `bytes ${start}-${end}/${bytes.length}` }
  res.writeHead(206, head).end(part)
}

function refuse(res: ServerResponse, status: number, code: string): void {
  const body = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${code}</Message></Error>`
  res.writeHead(status, { 'content-type': 'application/xml' }).end(body)
}

const SIGNED =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8}\/[^/]+\/s3\/aws4_request), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html */
function isSigned(req: IncomingMessage, { accessKeyId, secretAccessKey }: Account): boolean {
  const match = SIGNED.exec(req.headers.authorization ?? '')
  if (!match || match[1] !== accessKeyId) return false
  const [, , scope, names, signature] = match as unknown as [string, string, string, string, string]
  const { pathname, searchParams } = new URL(req.url!, 'http://x')
  const query = [...searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort()
  const headers = names.split(';').map(name => `${name}:${String(req.headers[name]).trim()}\n`)
  const payload = String(req.headers['x-amz-content-sha256'])
  const canonical = [req.method, pathname, query.join('&'), headers.join(''), names, payload].join('\n')
  const digest = createHash('sha256').update(canonical).digest('hex')
  const toSign = ['AWS4-HMAC-SHA256', req.headers['x-amz-date'], scope, digest].join('\n')
  const key = scope
    .split('/')
    .reduce<string | Buffer>(
      (parent, part) => createHmac('sha256', parent).update(part).digest(),
      `AWS4${secretAccessKey}`,
    )
  return createHmac('sha256', key).update(toSign).digest('hex') === signature
}

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
