import type { IncomingMessage } from 'node:http'
import type { Context } from '../context.ts'
import { invalid, unauthorized } from '../errors.ts'
import type { UploadedFile } from '../resolvers/media/uploaded-file.ts'
import { BODY_MAX_BYTES } from '../rest/body.ts'
import { looked, readParts } from '../rest/bytes.ts'
import { addProblem, type Problems } from '../schema/problems.ts'

/**
 * A file with an operation, by https://github.com/jaydenseric/graphql-multipart-request-spec: `operations`, `map`, then
 * the file, of which there is one.
 */
export interface Upload {
  /** The operation as JSON, the file's variable null in it. */
  operations: string
  variable: string
  file: UploadedFile
}

const TEXTS = new Map([
  ['operations', BODY_MAX_BYTES],
  ['map', 1000],
])

export const isMultipart = (req: IncomingMessage): boolean =>
  /^multipart\/form-data\s*(;|$)/i.test(req.headers['content-type'] ?? '')

export async function readUpload(req: IncomingMessage, ctx: Context): Promise<Upload> {
  // Nobody fills the disk who could not call the operation.
  if (!ctx.caller) throw unauthorized()
  const { file, texts, problems } = await readParts(req, {
    ctx,
    texts: TEXTS,
    isFile: (name, before) => !TEXTS.has(name) && before.has('map'),
  })
  for (const name of TEXTS.keys()) if (!texts.has(name)) addProblem(problems, name, 'is required')
  const variable = variableOf(texts.get('map'), { name: file?.name, problems })
  if (!file) addProblem(problems, 'file', 'is required, after operations and map')
  return { operations: texts.get('operations')!, variable, file: await looked(ctx, file, problems) }
}

/** `{"0": ["variables.file"]}`: the one place of the one file. */
function variableOf(map: string | undefined, { name, problems }: { name?: string; problems: Problems }): string {
  let places: unknown
  try {
    places = Object.entries(JSON.parse(map ?? '{}'))
  } catch {
    places = null
  }
  const [[part, paths] = [], ...more] = (places ?? []) as [string?, unknown?][]
  const path =
    Array.isArray(paths) && paths.length === 1 ? /^variables\.([_A-Za-z]\w{0,99})$/.exec(String(paths[0])) : null
  if (path && more.length === 0 && part === name) return path[1]!
  if (map !== undefined)
    addProblem(problems, 'map', 'must name the file and one variable, as in {"0": ["variables.file"]}')
  return ''
}

/** Operation, with the file where its variable is. */
export function withFile<Params extends { variables?: unknown }>(params: Params, { variable, file }: Upload): Params {
  const { variables } = params
  const given = typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {}
  if (given[variable] != null) throw invalid({ [variable]: 'must be null where a file is sent' })
  return { ...params, variables: { ...given, [variable]: file } }
}
