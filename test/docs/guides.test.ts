import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ApiError, type ErrorCode } from '../../src/errors.ts'
import { type Block, blocksOf, differs, guides } from './blocks.ts'

/** What the guides promise, as far as it can be read; `.ci/guides.ts` does what they say. */

const all = guides().map(guide => ({ guide, blocks: blocksOf(guide) }))
const place = ({ guide, line }: Block): string => `${guide}:${line}`

describe('each block of a guide', () => {
  it('is run, is the output of what is run, or says above itself that it is not run, and why', () => {
    const unmarked = all.flatMap(({ blocks }) => blocks.filter(({ kind }) => kind === 'unmarked'))
    expect(unmarked.map(place)).toEqual([])
  })

  it('would be found otherwise', () => {
    const kinds = (source: string) => blocksOf('docs/x.md', source).map(({ kind }) => kind)
    const mark = '*Not run by our tests: it needs a phone.*\n\n'
    expect(kinds('```sh\necho\n```\n\n```text\n\n```\n')).toEqual(['commands'])
    expect(kinds(`${mark}\`\`\`nginx\nserver {}\n\`\`\`\n`)).toEqual(['not run'])
    for (const source of [
      '```\nnpm start\n```\n',
      '```nginx\nserver {}\n```\n',
      '```json\n{}\n```\n',
      '```js\nconsole.log(1)\n```\n',
      '*Not run by our tests: *\n\n```ini\n[Unit]\n```\n',
      '<!-- Not run by our tests: it needs a phone. -->\n\n```ini\n[Unit]\n```\n',
      `${mark}Some words.\n\n\`\`\`ini\n[Unit]\n\`\`\`\n`,
      '- a list\n  ```sh\n  echo\n  ```\n',
      '~~~sh\necho\n~~~\n',
      '```sh\necho\n',
    ]) {
      expect(kinds(source), source).toContain('unmarked')
    }
    expect(kinds('```sh\necho\n```\n\n```text\n\n```\n\n```text\n\n```\n')).toEqual(['commands', 'unmarked'])
  })

  it('that is a file is run by commands after it', () => {
    for (const { blocks } of all) {
      for (const [index, block] of blocks.entries()) {
        if (block.kind !== 'file') continue
        const users = blocks.slice(index + 1).map(({ kind, text }) => (kind === 'not run' ? '' : text))
        expect(
          users.some(text => text.includes(block.name)),
          `${place(block)} ${block.name}`,
        ).toBe(true)
      }
    }
  })
})

describe('what a guide claims to be printed', () => {
  const json = (text: string, printed: string) => differs({ language: 'json', text }, printed)
  const text = (claimed: string, printed: string) => differs({ language: 'text', text: claimed }, printed)

  it('is compared, and … stands for what differs', () => {
    expect(text('a … c\n', 'a b c\n\n')).toBeNull()
    expect(json('{"id": "msg_…", "at": "…", "n": 1}', '{"id":"msg_1","at":null,"n":1}')).toBeNull()
    expect(json('{"a": [{"b": true, "…": "…"}]}', '{"a":[{"b":true,"c":1}]}')).toBeNull()
  })

  it('is refused when it is not what was printed', () => {
    expect(text('a.c', 'abc')).not.toBeNull()
    expect(text('a', 'a\nb')).not.toBeNull()
    for (const [claimed, printed] of [
      ['{"a": 1}', '{"a":2}'],
      ['{"a": 1}', '{"a":1,"b":2}'],
      ['{"a": 1, "…": "…"}', '{"b":1}'],
      ['{"id": "msg_…"}', '{"id":"inst_1"}'],
      ['{"id": "…"}', '{}'],
      ['{"a": [1]}', '{"a":[1,2]}'],
      ['{"a": []}', '{"a":{}}'],
      ['{}', 'curl: (7) Failed to connect'],
    ] as const) {
      expect(json(claimed, printed), `${claimed} ${printed}`).not.toBeNull()
    }
  })
})

describe('the index', () => {
  it('lists each guide', () => {
    const index = readFileSync('docs/README.md', 'utf8')
    for (const guide of globSync('docs/*.md')) {
      if (guide !== 'docs/README.md') expect(index, guide).toContain(`](${guide.slice('docs/'.length)})`)
    }
  })
})

describe('links', () => {
  it('of the guides and of the pages at the root lead somewhere, to a heading, too', () => {
    const pages = [...all.map(({ guide }) => guide), ...globSync('*.md')]
    expect(pages.flatMap(deadLinks)).toEqual([])
    expect(deadLinks('docs/x.md', '[a](start.md#nowhere) [b](nothing.md) [c](#here)\n\n# There')).toHaveLength(3)
    expect(deadLinks('docs/x.md', '[a](start.md#5-send) [c](#so-it-is)\n\n## So it is')).toEqual([])
  })
})

function deadLinks(page: string, given?: unknown): string[] {
  const source = typeof given === 'string' ? given : readFileSync(page, 'utf8')
  const prose = source.replaceAll(/^```.*?^```$/gms, '').replaceAll(/`[^`\n]*`/g, '')
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^(https?|mailto):/.test(target!)) return []
    const [path, heading] = target!.split('#')
    const file = path ? normalize(join(dirname(page), path)) : page
    if (path && !existsSync(file)) return `${page}: ${target}`
    const text = path ? (file.endsWith('.md') ? readFileSync(file, 'utf8') : '') : source
    return heading && !headings(text).includes(heading) ? `${page}: ${target}` : []
  })
}

/** As GitHub names them. */
const headings = (source: string): string[] =>
  [...source.replaceAll(/^```.*?^```$/gms, '').matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )

describe('errors.md', () => {
  const page = readFileSync('docs/errors.md', 'utf8')
  const section = (title: string): string => page.split(`\n## ${title}\n`)[1]!.split('\n## ')[0]!
  const rows = (title: string): string[][] =>
    [...section(title).matchAll(/^\| `(.+?) \|$/gm)].map(([, row]) => `\`${row}`.split(' | '))

  it('has every code with its status, why it comes and what to do, and no other', () => {
    const source = readFileSync('src/errors.ts', 'utf8')
    const codes = [...source.split('} as const')[0]!.matchAll(/^ {2}(\w+): \d+,$/gm)].map(([, code]) => code!)
    expect(codes.length).toBeGreaterThan(15)
    const told = rows('Codes')
    expect(told.map(([code]) => code).sort()).toEqual(codes.map(code => `\`${code}\``).sort())
    for (const [code, status, ...sentences] of told) {
      expect(Number(status), code).toBe(new ApiError(code!.slice(1, -1) as ErrorCode, '').status)
      expect(sentences, code).toEqual([expect.stringMatching(/.{15}/), expect.stringMatching(/.{10}/)])
    }
  })

  it('has every reason for which a message fails', () => {
    const sources = globSync('src/resolvers/messages/*.ts').map(file => readFileSync(file, 'utf8'))
    const found = sources.flatMap(source => [...source.matchAll(/code: '(\w+)',\s+message:/g)].map(([, code]) => code))
    const told = rows('Why a message failed').map(([code]) => code!.slice(1, -1))
    expect(told.sort()).toEqual([...new Set(found)].sort())
  })
})

describe('troubleshoot.md', () => {
  it('knows each error of an instance that says what WhatsApp refuses', () => {
    const page = readFileSync('docs/troubleshoot.md', 'utf8')
    for (const code of [402, 403, 405, 440]) expect(page).toContain(`(${code})`)
  })
})

describe('what the guides name', () => {
  const prose = all.map(({ guide }) => readFileSync(guide, 'utf8')).join('\n')
  const named = (name: RegExp): string[] => [...new Set([...prose.matchAll(name)].map(([, found]) => found!))]

  it('as a setting is one', () => {
    const settings = readFileSync('.env.example', 'utf8')
    const others = /^(OTEL_\w+|NODE_OPTIONS)$/
    const found = named(/`([A-Z]+_[A-Z_]+)(?:=[^`]*)?`/g).filter(name => !others.test(name))
    expect(found.length).toBeGreaterThan(20)
    expect(found.filter(name => !settings.includes(`\n#${name}=`))).toEqual([])
  })

  it('as an alert or a figure is one', () => {
    const alerts = readFileSync('ops/prometheus/alerts.yml', 'utf8')
    expect(named(/`(Wataki[A-Z]\w+)`/g).filter(name => !alerts.includes(`alert: ${name}\n`))).toEqual([])
    const figures = globSync('src/telemetry/metrics/*.ts').map(file => readFileSync(file, 'utf8'))
    expect(named(/`(wataki_\w+)`/g).filter(name => !figures.some(source => source.includes(name)))).toEqual([])
  })

  it('as a heading of Settings is taken from a file, too, where it says so', () => {
    const config = readFileSync('src/config.ts', 'utf8')
    const told = /named by the setting with `_FILE`: ([^.]+)\./.exec(prose)![1]!.match(/[A-Z_]+/g)!
    const taken = [...config.matchAll(/^ {2}([A-Z_]+)_FILE: /gm)].map(([, name]) => name!)
    expect([...told, 'SECRET_KEY_PREVIOUS'].sort()).toEqual(taken.sort())
  })
})
