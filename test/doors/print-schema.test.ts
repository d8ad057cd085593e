import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildSchema } from 'graphql'
import { describe, expect, it } from 'vitest'
import { run, undescribed } from '../../scripts/print-schema.ts'

const described = buildSchema(`
  "q" type Query { "f" thing("a" id: ID!, "b" input: In): Kind }
  "k" enum Kind { "o" one }
  "i" input In { "n" name: String }
  "d" scalar DateTime
  "u" union U = Query
`)
const bare = buildSchema(`
  type Query { thing(id: ID!, input: In): Kind }
  enum Kind { one }
  input In { name: String }
  scalar DateTime
  union U = Query
`)

describe('the printed schema', () => {
  it('needs a description of every type, field, argument and enum value', () => {
    expect(undescribed(described)).toEqual([])
    expect(undescribed(bare).sort()).toEqual(
      [
        'Query',
        'Query.thing',
        'Query.thing(id:)',
        'Query.thing(input:)',
        'Kind',
        'Kind.one',
        'In',
        'In.name',
        'DateTime',
        'U',
      ].sort(),
    )
  })

  it('is written, and found stale when it differs from the code', () => {
    const path = join(mkdtempSync(join(tmpdir(), 'schema-')), 'schema.graphql')
    const said: string[] = []
    const with_ = (check: boolean) => ({ path, check, say: (line: string) => said.push(line) })
    expect(run(described, with_(true))).toBe(1)
    expect(run(described, with_(false))).toBe(0)
    expect(run(described, with_(true))).toBe(0)
    writeFileSync(path, `${readFileSync(path, 'utf8')}# by hand\n`)
    expect(run(described, with_(true))).toBe(1)
    expect(said.at(-1)).toContain('stale')
    expect(run(bare, with_(false))).toBe(1)
    expect(said.at(-1)).toContain('has no description')
  })
})
