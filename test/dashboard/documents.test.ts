import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSchema, type DocumentNode, parse, specifiedRules, validate } from 'graphql'
import { describe, expect, it } from 'vitest'
import { nameOf } from '../../src/sandbox/behaviour.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const SOURCES = join(ROOT, 'dashboard', 'src')
const schema = buildSchema(readFileSync(join(ROOT, 'schema.graphql'), 'utf8'))

/** Every document of the dashboard, with where it stands. */
const documents = globSync('**/*.{ts,tsx}', { cwd: SOURCES }).flatMap(file =>
  [...readFileSync(join(SOURCES, file), 'utf8').matchAll(/\bgraphql\(\s*`([^`]*)`/g)].map(([, text]) => ({
    file,
    // Of gql.tada alone: it takes it out before it sends.
    document: parse(text!.replaceAll('@_unmask', '')),
  })),
)
const fragments = documents.flatMap(({ document }) =>
  document.definitions.filter(each => each.kind === 'FragmentDefinition'),
)
/** Each is validated with the fragments of all. */
const rules = specifiedRules.filter(rule => rule.name !== 'NoUnusedFragmentsRule')

function errorsIn(document: DocumentNode): string[] {
  const own = new Set(document.definitions.map(each => ('name' in each ? each.name?.value : undefined)))
  const definitions = [...document.definitions, ...fragments.filter(each => !own.has(each.name.value))]
  return validate(schema, { ...document, definitions }, rules).map(error => error.message)
}

describe('the documents of the dashboard', () => {
  it('ask for nothing that is not in the public schema', () => {
    expect(documents.length).toBeGreaterThan(40)
    for (const { file, document } of documents) expect(errorsIn(document), file).toEqual([])
    expect(errorsIn(parse('{ me { password } }'))).toHaveLength(1)
  })

  it('have a name each, by which they are told apart in logs and caches', () => {
    const names = documents.flatMap(({ document }) =>
      document.definitions.map(each => ('name' in each ? each.name?.value : undefined)),
    )
    expect(names).not.toContain(undefined)
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
  })
})

const catalogue = (locale: string): Map<string, string> => {
  const text = readFileSync(join(SOURCES, 'locales', `${locale}.po`), 'utf8')
  const entries = text.matchAll(/^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)/gm)
  const plain = (quoted: string) => [...quoted.matchAll(/"(.*)"/g)].map(([, part]) => part).join('')
  return new Map([...entries].map(([, id, said]) => [plain(id!), plain(said!)] as const).filter(([id]) => id !== ''))
}

describe.each(['pt-BR', 'es'])('the texts in %s', locale => {
  const english = catalogue('en')
  const texts = catalogue(locale)

  it('are complete', () => {
    expect(english.size).toBeGreaterThan(300)
    expect([...english.keys()].filter(id => !texts.get(id))).toEqual([])
    expect([...texts.keys()].filter(id => !english.has(id))).toEqual([])
  })

  it('have the same gaps to fill', () => {
    const gaps = (text: string) => (text.match(/\{\w+\}|<\/?\d+>/g) ?? []).sort()
    for (const [id, said] of texts) expect(gaps(said), id).toEqual(gaps(id))
  })
})

describe('the people of the sandbox', () => {
  it('have the same names in the dashboard, in the sandbox and in its guide', () => {
    const source = readFileSync(join(SOURCES, 'features', 'sandbox', 'people.ts'), 'utf8')
    const people = [...source.matchAll(/digits: '(\d+)', name: '(.+?)'/g)].map(([, digits, name]) => [digits!, name!])
    expect(people).toHaveLength(9)
    expect(people).toEqual(people.map(([digits]) => [digits, nameOf(digits!)]))
    const guide = readFileSync(join(ROOT, 'docs', 'sandbox.md'), 'utf8')
    const rows = [...guide.matchAll(/^\| `\+(.+?)` \| (\S+) \|/gm)].map(([, phone, name]) => [
      phone!.replace(/\D/g, ''),
      name!,
    ])
    expect(rows.sort()).toEqual(people.sort())
  })
})
