import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { Busboy } from '@fastify/busboy'
import type { Context } from '../context.ts'
import { invalid, payloadTooLarge, unsupportedMediaType } from '../errors.ts'
import { safeFilename } from '../resolvers/media/filename.ts'
import { sniff } from '../resolvers/media/sniff.ts'
import type { Spooled } from '../resolvers/media/spool.ts'
import { UploadedFile } from '../resolvers/media/uploaded-file.ts'
import { addProblem, isFull, noProblems, type Problems } from '../schema/problems.ts'
import { requirePlain } from './body.ts'

/** Bodies of `multipart/form-data`: a file goes to the spool while it comes in, and no part of it stays in memory. */

/** Around the file: boundaries, headers of parts, and texts. */
const OVERHEAD_BYTES = 65_536
const PARTS_MAX = 20

export interface Wanted {
  ctx: Context
  /** Of the part that is the file; a function: when it depends on what came before. Null: it is not wanted. */
  isFile(name: string, texts: ReadonlyMap<string, string>): boolean
  /** Names of parts that are texts, each with the most bytes it may have. */
  texts: ReadonlyMap<string, number>
}

export interface Parts {
  /** Null: there was none. */
  file: { name: string; spooled: Spooled; filename: string | null } | null
  texts: ReadonlyMap<string, string>
  problems: Problems
}

/** The one file of a body, under the one name it may have. */
export async function readFile(
  req: IncomingMessage,
  { ctx, name }: { ctx: Context; name: string },
): Promise<UploadedFile> {
  const { file, problems } = await readParts(req, { ctx, isFile: each => each === name, texts: new Map() })
  if (!file) addProblem(problems, name, 'is required')
  return looked(ctx, file, problems)
}

/** Refused with all that is wrong, or looked at. */
export async function looked(ctx: Context, file: Parts['file'], problems: Problems): Promise<UploadedFile> {
  const { spooled, filename } = file ?? {}
  for (const _ in problems) {
    if (spooled) await ctx.spool.discard(spooled)
    throw invalid(problems)
  }
  return new UploadedFile(spooled!, { filename: safeFilename(filename), mimeType: await sniff(spooled!.path) })
}

/** Rejects in the moment in which it is known that the file is too large, and leaves nothing behind. */
export async function readParts(req: IncomingMessage, wanted: Wanted): Promise<Parts> {
  const type = req.headers['content-type'] ?? ''
  if (!/^multipart\/form-data\s*(;|$)/i.test(type)) throw unsupportedMediaType('multipart/form-data')
  requirePlain(req)
  const reading = new Reading(wanted, parserFor(req.headers))
  try {
    return await reading.read(req)
  } catch (error) {
    await reading.undo()
    throw error
  }
}

type Parser = InstanceType<typeof Busboy>

function parserFor(headers: IncomingHttpHeaders): Parser {
  try {
    return new Busboy({
      headers: headers as { 'content-type': string },
      // A name without a file is a part like any other, whatever type it claims.
      isPartAFile: (_name, _type, filename) => filename !== undefined,
      limits: { fieldNameSize: 100, headerPairs: 20, headerSize: 32_768, parts: PARTS_MAX },
    })
  } catch {
    throw notMultipart()
  }
}

const notMultipart = () => invalid({ body: 'is not valid multipart/form-data' })

class Reading {
  readonly #wanted: Wanted
  readonly #parser: Parser
  readonly #texts = new Map<string, string>()
  readonly #problems = noProblems()
  #taking: Promise<Parts['file']> = Promise.resolve(null)
  #hasFile = false
  readonly #done = Promise.withResolvers<void>()

  constructor(wanted: Wanted, parser: Parser) {
    this.#wanted = wanted
    this.#parser = parser
    parser.on('file', (name, bytes, filename) => this.#onFile(name ?? '', bytes, filename))
    parser.on('field', (name, value, _nameCut, valueCut) => this.#onText(name ?? '', value, valueCut))
    parser.on('partsLimit', () => addProblem(this.#problems, 'body', `must have at most ${PARTS_MAX} parts`))
    parser.on('error', () => this.#done.reject(notMultipart()))
    parser.on('finish', () => this.#done.resolve())
  }

  async read(req: IncomingMessage): Promise<Parts> {
    const { mediaMaxBytes } = this.#wanted.ctx.config
    let texts = OVERHEAD_BYTES
    for (const max of this.#wanted.texts.values()) texts += max
    const bodyMaxBytes = mediaMaxBytes + texts
    if (Number(req.headers['content-length'] ?? 0) > bodyMaxBytes) throw payloadTooLarge(mediaMaxBytes)
    let seenBytes = 0
    const count = (chunk: Buffer) => {
      if ((seenBytes += chunk.length) > bodyMaxBytes) this.#done.reject(payloadTooLarge(mediaMaxBytes))
    }
    const onCut = () => {
      if (!req.complete) this.#done.reject(invalid({ body: 'did not arrive in full' }))
    }
    req.on('data', count).once('close', onCut).once('error', onCut).pipe(this.#parser)
    try {
      await this.#done.promise
      return { file: await this.#taking, texts: this.#texts, problems: this.#problems }
    } finally {
      req.off('data', count).off('close', onCut).off('error', onCut).unpipe(this.#parser)
    }
  }

  /** What was begun ends before the answer does: then nothing of it is left. */
  async undo(): Promise<void> {
    this.#parser.on('error', () => {}).destroy()
    this.#stop?.()
    const file = await this.#taking.catch(() => null)
    if (file) await this.#wanted.ctx.spool.discard(file.spooled)
  }

  #stop: (() => void) | null = null

  #onFile(name: string, bytes: Readable, filename: string): void {
    // An unread part holds the parser up; a broken one would end the process.
    bytes.on('error', () => {})
    const isWanted = this.#wanted.isFile(name, this.#texts)
    if (!isWanted)
      addProblem(this.#problems, name, this.#wanted.texts.has(name) ? 'must be text' : 'is not a known field')
    else if (this.#hasFile) addProblem(this.#problems, name, 'must be given once')
    if (!isWanted || this.#hasFile || isFull(this.#problems)) return void bytes.resume()
    this.#hasFile = true
    this.#stop = () => bytes.destroy(new Error('nobody wants it any more'))
    const { spool, config } = this.#wanted.ctx
    this.#taking = spool.take(bytes, config.mediaMaxBytes).then(spooled => ({ name, spooled, filename }))
    this.#taking.catch(error => this.#done.reject(error))
  }

  #onText(name: string, value: string, isCut: boolean): void {
    const max = this.#wanted.texts.get(name)
    if (max === undefined) {
      const isFile = this.#wanted.isFile(name, this.#texts)
      addProblem(this.#problems, name, isFile ? 'must be a file, with a filename' : 'is not a known field')
    } else if (this.#texts.has(name)) addProblem(this.#problems, name, 'must be given once')
    else if (isCut || Buffer.byteLength(value) > max) addProblem(this.#problems, name, `must have at most ${max} bytes`)
    else this.#texts.set(name, value)
  }
}
