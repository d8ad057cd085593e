import { globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'

/** The law of the house: direction of imports, the words of each room, the budgets of size. */

type Sources = Record<string, string>

/** Everyone may import these. */
const COMMON = ['errors.ts', 'context.ts', 'clock.ts', 'ids.ts', 'telemetry']

/** Room → rooms it may import. After `types`, only types may cross. */
const MAY_IMPORT: Record<string, { values: string[]; types?: string[] | 'all' }> = {
  'main.ts': { values: ['app.ts', 'config.ts', 'db'] },
  'app.ts': { values: ['*'] },
  'cli.ts': { values: ['config.ts', 'db', 'cli', 'operator', 'main.ts'] },
  operator: { values: ['config.ts', 'db', 'resolvers', 'cli', 'secrets.ts', 'storage', 'mail', 'sandbox'] },
  cli: { values: ['config.ts', 'events', 'delivery'] },
  'context.ts': { values: ['errors.ts'], types: 'all' },
  http: { values: ['rest', 'schema', 'resolvers', 'config.ts'], types: 'all' },
  rest: { values: ['schema', 'resolvers'], types: ['db'] },
  schema: { values: ['resolvers'], types: ['db', 'events', 'whatsapp'] },
  jobs: { values: ['resolvers'] },
  resolvers: {
    values: ['events', 'db', 'secrets.ts'],
    types: ['whatsapp', 'sandbox', 'delivery', 'stripe', 'storage', 'mail'],
  },
  events: { values: ['db'] },
  db: { values: [], types: ['secrets.ts'] },
  whatsapp: { values: [] },
  sandbox: { values: [] },
  mail: { values: [] },
  delivery: { values: [] },
  storage: { values: [] },
  stripe: { values: [] },
  'stripe-sandbox': { values: [] },
  telemetry: { values: [] },
  'config.ts': { values: ['checks.ts'] },
  'checks.ts': { values: [] },
  'errors.ts': { values: [] },
  'clock.ts': { values: [] },
  'ids.ts': { values: [] },
  'secrets.ts': { values: [] },
}

/** The processes of their own that `npm run sandbox` and `npm run stripe-sandbox` start read their settings like any other. */
const IMPORT_EXCEPTIONS = ['sandbox/main.ts -> config.ts', 'stripe-sandbox/main.ts -> config.ts']

const WORDS: { word: RegExp; only: string[] }[] = [
  { word: /from '@whiskeysockets\/baileys/, only: ['whatsapp/', 'sandbox/wa.ts'] },
  { word: /\bsock\.ev\.on\b/, only: ['whatsapp/'] },
  { word: /from 'stripe'/, only: ['stripe/'] },
  { word: /from 'prom-client'/, only: ['telemetry/'] },
  { word: /from '@opentelemetry\//, only: ['telemetry/'] },
  { word: /\bprocess\.env\b/, only: ['config.ts'] },
  { word: /\bDate\.now\(|\bnew Date\(\)/, only: ['clock.ts'] },
  { word: /\bsetInterval\(/, only: ['jobs/', 'whatsapp/', 'sandbox/'] },
  { word: /for update skip locked/i, only: ['db/queries/'] },
  { word: /\bstatus: 4\d\d\b/, only: ['errors.ts', 'http/graphql-errors.ts', 'stripe-sandbox/'] },
  {
    word: /\bconsole\./,
    only: [
      'main.ts',
      'cli.ts',
      'cli/',
      'operator/',
      'sandbox/main.ts',
      'stripe-sandbox/main.ts',
      'whatsapp/trust.ts',
      'sandbox/wa.ts',
    ],
  },
  {
    word: /\b[a-z]+_[a-z_]+: (?!\{)/,
    only: [
      'rest/',
      'events/',
      'db/',
      'whatsapp/',
      'sandbox/',
      'stripe/',
      'stripe-sandbox/',
      'errors.ts',
      'operator/',
      'cli/',
    ],
  },
  { word: /\bTODO\b|\bFIXME\b/, only: [] },
]

/** Who may call out, and why that is no way to wherever a stranger likes. */
const CALLS_OUT: Record<string, string> = {
  'delivery/': 'strangers, past the address guard',
  'whatsapp/media/download.ts': "WhatsApp's media hosts, or the one of the settings",
  'whatsapp/socket.ts': 'the media host of the settings',
  'sandbox/client.ts': 'the sandbox of the settings',
  'stripe-sandbox/deliver.ts': 'the server of the settings, as Stripe calls it',
  'operator/': 'the server of the settings, as the outside names it, and the port that it is to have',
  'cli/': 'the server and the receiver that its user names, from their own machine',
  'db/pglite-door.ts': 'its own socket in a folder of this machine',
  'http/pages/verify-page.ts': 'in the browser, from the page to its own server',
  'http/pages/mailbox-page.ts': 'in the browser, from the page to its own server',
}
/** Modules that can call out, and what of them cannot. */
const NETWORK_MODULES = /^(?:node:)?(?:https?|http2|net|tls|dgram|dns|dns\/promises|undici|ws|axios|got|ky|node-fetch)$/
const NETWORK_HARMLESS = /^(?:type \w+|createServer|Server|STATUS_CODES|isIP|WebSocketServer)(?: as \w+)?$/
const NETWORK_WORDS =
  /(?<![.\w])fetch\(|globalThis\.fetch|\b(?:https?|http2|net|tls)\.(?:request|get|connect|createConnection)\(|new (?:WebSocket|EventSource)\(/

const FILE_MAX_LINES = 300
const TEST_MAX_LINES = 500
/** Files that may be longer, each with its reason. */
const LONGER: Record<string, string> = {
  'config.ts': 'every setting once, with its check and its meaning: it grows with them',
  'whatsapp/session.ts': 'one phone from its start to its end: a few lines over, and no part of it stands alone',
}

const roomOf = (file: string): string => file.split('/')[0]!.replace('.test.ts', '.ts')

function importsOf(file: string, source: string): { target: string; typesOnly: boolean }[] {
  const found = []
  for (const [, kind, names, path] of source.matchAll(/^(?:import|export)( type)?\s*([^'"]*?)\bfrom '(\.[^']+)'/gm)) {
    const inner = names!
      .match(/\{([^}]*)\}/)?.[1]
      ?.split(',')
      .map(name => name.trim())
      .filter(Boolean)
    const typesOnly =
      Boolean(kind) || (inner !== undefined && inner.length > 0 && inner.every(name => name.startsWith('type ')))
    found.push({ target: normalize(join(dirname(file), path!)), typesOnly })
  }
  for (const [, path] of source.matchAll(/^import '(\.[^']+)'/gm)) {
    found.push({ target: normalize(join(dirname(file), path!)), typesOnly: false })
  }
  return found
}

function directionOffences(sources: Sources): string[] {
  const offences: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    const room = roomOf(file)
    const rule = MAY_IMPORT[room]
    if (!rule) {
      offences.push(`${file}: ${room} is no room of the house`)
      continue
    }
    for (const { target, typesOnly } of importsOf(file, source)) {
      const to = roomOf(target)
      const allowed =
        to === room ||
        COMMON.includes(to) ||
        rule.values.includes('*') ||
        rule.values.includes(to) ||
        (typesOnly && (rule.types === 'all' || rule.types?.includes(to))) ||
        IMPORT_EXCEPTIONS.includes(`${file} -> ${to}`)
      if (!allowed) offences.push(`${file}: may not import ${target}${rule.types?.includes(to) ? ' except types' : ''}`)
    }
  }
  return offences
}

/** Code without comments and without what stands in quotes: a word may be named there. */
const codeOf = (source: string): string =>
  source.replace(/\/\*[\s\S]*?\*\//g, match => match.replace(/[^\n]/g, '')).replace(/(^|[^:])\/\/.*$/gm, '$1')

const isAt = (file: string, place: string): boolean => file === place || (place.endsWith('/') && file.startsWith(place))

function wordOffences(sources: Sources): string[] {
  const offences: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    if (file.endsWith('.test.ts')) continue
    const code = codeOf(source)
    for (const { word, only } of WORDS) {
      if (only.some(place => isAt(file, place))) continue
      const at = code.split('\n').findIndex(text => word.test(text))
      if (at >= 0) offences.push(`${file}:${at + 1}: ${word.source} is not spoken here`)
    }
  }
  return offences
}

function callOffences(sources: Sources): string[] {
  const offences: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    if (file.endsWith('.test.ts') || Object.keys(CALLS_OUT).some(place => isAt(file, place))) continue
    const code = codeOf(source)
    const word = NETWORK_WORDS.exec(code)
    if (word) offences.push(`${file}: ${word[0]} is not spoken here`)
    for (const [, type, names, module] of code.matchAll(/\bimport\b( type\b)?([^'"]*)['"]([^'"]+)['"]/g)) {
      if (type || !NETWORK_MODULES.test(module!)) continue
      const named = /^ \{([^}]*)\} from $/.exec(names!)?.[1]?.split(',') ?? ['all of it']
      const able = named.map(name => name.trim()).filter(name => name && !NETWORK_HARMLESS.test(name))
      if (able.length > 0) offences.push(`${file}: may not call out by ${able.join(', ')} of ${module}`)
    }
  }
  return offences
}

function sizeOffences(sources: Sources, max: number): string[] {
  return Object.entries(sources)
    .map(([file, source]) => ({ file, lines: source.split('\n').length - 1 }))
    .filter(({ file, lines }) => lines > max && !(file in LONGER))
    .map(({ file, lines }) => `${file}: ${lines} lines, the budget is ${max}`)
}

/** Rooms of the dashboard → which of its rooms they may import. It imports nothing from elsewhere in the house. */
const DASHBOARD_MAY_IMPORT: Record<string, string[]> = {
  'main.tsx': ['*'],
  // The router names each page, and loads it when it is asked for.
  app: ['graphql', 'ui', 'features'],
  features: ['app', 'graphql', 'ui'],
  ui: ['app'],
  graphql: [],
  'po.d.ts': [],
}

/** Programs for the reader. */
const SAMPLES = 'features/chats/call-samples.tsx'

const DASHBOARD_WORDS: { word: RegExp; only: string[] }[] = [
  // GraphQL is the way to the server. The reference is made of what describes REST; letters are no part of the API.
  {
    word: /(?<![.\w])fetch\(/,
    only: ['graphql/client.ts', 'features/reference/reference-page.tsx', 'features/sign-in/sign-in-page.tsx', SAMPLES],
  },
  { word: /new (?:WebSocket|EventSource)\(/, only: [] },
  // Not there on pages over plain http.
  { word: /crypto\.(?:randomUUID|subtle)/, only: [] },
  { word: /navigator\.clipboard/, only: ['ui/copy.tsx'] },
  { word: /dangerouslySetInnerHTML|\.innerHTML\b/, only: [] },
  { word: /localStorage/, only: ['app/preferences.ts'] },
  { word: /\bTODO\b|\bFIXME\b/, only: [] },
  { word: /\bconsole\./, only: [SAMPLES] },
]

function dashboardOffences(sources: Sources): string[] {
  const offences: string[] = []
  for (const [file, source] of Object.entries(sources)) {
    const room = roomOf(file)
    const allowed = DASHBOARD_MAY_IMPORT[room]
    if (!allowed) offences.push(`${file}: ${room} is no room of the dashboard`)
    for (const [, path] of source.matchAll(/\b(?:from|import|import\() ?'(\.[^']+)'/g)) {
      const target = normalize(join(dirname(file), path!))
      const to = roomOf(target)
      const isFree = to === room || to === 'locales' || to === 'styles.css' || allowed?.includes('*')
      if (target.startsWith('..')) offences.push(`${file}: leaves the dashboard by ${path}`)
      else if (!isFree && !allowed?.includes(to)) offences.push(`${file}: may not import ${target}`)
    }
    const code = codeOf(source)
    for (const { word, only } of DASHBOARD_WORDS) {
      if (only.some(place => isAt(file, place))) continue
      const at = code.split('\n').findIndex(text => word.test(text))
      if (at >= 0) offences.push(`${file}:${at + 1}: ${word.source} is not spoken here`)
    }
  }
  return offences
}

const read = (root: string, pattern = '**/*.ts'): Sources =>
  Object.fromEntries(globSync(pattern, { cwd: root }).map(file => [file, readFileSync(join(root, file), 'utf8')]))

const src = read('src')
const dashboard = read('dashboard/src', '**/*.{ts,tsx}')
delete dashboard['graphql/introspection.d.ts']
const planted = (file: string, source: string): Sources => ({ [file]: source })

describe('the law of direction', () => {
  it('holds: nothing points up, and parties know no other room', () => {
    expect(directionOffences(src)).toEqual([])
  })

  it('catches a party that imports a chapter, a value where only a type may cross, and a room that is none', () => {
    expect(directionOffences(planted('whatsapp/x.ts', "import { a } from '../resolvers/a.ts'"))).toHaveLength(1)
    expect(directionOffences(planted('resolvers/x.ts', "import { a, type B } from '../whatsapp/a.ts'"))).toHaveLength(1)
    expect(directionOffences(planted('resolvers/x.ts', "import { type B } from '../whatsapp/a.ts'"))).toEqual([])
    expect(directionOffences(planted('resolvers/x.ts', "import type { B } from '../whatsapp/a.ts'"))).toEqual([])
    expect(directionOffences(planted('utils/x.ts', ''))).toHaveLength(1)
  })
})

describe('the words of each room', () => {
  it('are spoken only there', () => {
    expect(wordOffences(src)).toEqual([])
  })

  it('are caught elsewhere', () => {
    for (const line of [
      "import x from '@whiskeysockets/baileys'",
      "import Stripe from 'stripe'",
      "import { Counter } from 'prom-client'",
      "import { trace } from '@opentelemetry/api'",
      'const url = process.env.URL',
      'const now = Date.now()',
      'const now = new Date()',
      'setInterval(work, 1000)',
      "sql('select 1 for update skip locked')",
      'return { status: 404 }',
      "console.log('x')",
      'return { chat_id: chat }',
    ]) {
      expect(wordOffences(planted('resolvers/x.ts', line)), line).toHaveLength(1)
    }
  })
})

describe('what calls out', () => {
  it('goes to hosts that are fixed or of the settings, or past the address guard', () => {
    expect(callOffences(src)).toEqual([])
    const files = Object.keys(src)
    expect(Object.keys(CALLS_OUT).filter(place => !files.some(file => isAt(file, place)))).toEqual([])
  })

  it('is caught elsewhere', () => {
    for (const line of [
      "const answer = await fetch('https://example.com')",
      'globalThis.fetch(url)',
      "import http from 'node:http'",
      "import * as https from 'https'",
      "import { request } from 'node:https'",
      "import {\n  createServer,\n  get,\n} from 'node:http'",
      "import { connect as dial } from 'node:net'",
      "const net = await import('node:net')",
      "import { Agent } from 'undici'",
      "import axios from 'axios'",
      "import { lookup } from 'node:dns/promises'",
      'tls.connect({ host })',
      'new WebSocket(url)',
    ]) {
      expect(callOffences(planted('resolvers/x.ts', line)), line).toHaveLength(1)
    }
    for (const line of [
      "import { createServer, type IncomingMessage } from 'node:http'",
      "import type { Socket } from 'node:net'",
      'await yoga.fetch(url)',
      'pool.connect()',
    ]) {
      expect(callOffences(planted('http/x.ts', line)), line).toEqual([])
    }
  })
})

describe('the dashboard', () => {
  it('imports nothing from elsewhere in the house, and its rooms know each other one way', () => {
    expect(dashboardOffences(dashboard)).toEqual([])
  })

  it('is caught when it does, and when it speaks past GraphQL', () => {
    for (const [file, line] of [
      ['features/x/x.ts', "import { schema } from '../../../../src/schema/index.ts'"],
      ['ui/x.tsx', "import { useInstance } from '../features/instances/instance-layout.tsx'"],
      ['graphql/x.ts', "import { phone } from '../app/format.ts'"],
      ['utils/x.ts', ''],
      ['features/x/x.ts', "await fetch('/v1/instances')"],
      ['features/x/x.ts', 'const id = crypto.randomUUID()'],
      ['features/x/x.ts', 'navigator.clipboard.writeText(text)'],
      ['features/x/x.ts', "localStorage.setItem('key', apiKey)"],
      ['features/x/x.tsx', 'element.innerHTML = text'],
    ] as const) {
      expect(dashboardOffences(planted(file, line)), line).toHaveLength(1)
    }
    expect(dashboardOffences(planted('features/x/x.ts', "import { phone } from '../../app/format.ts'"))).toEqual([])
  })
})

describe('the budgets', () => {
  it('hold: 300 lines a file, 500 a test', () => {
    expect(sizeOffences(src, FILE_MAX_LINES)).toEqual([])
    expect(sizeOffences(dashboard, FILE_MAX_LINES)).toEqual([])
    expect(sizeOffences(read('test'), TEST_MAX_LINES)).toEqual([])
  })

  it('catch a file that has outgrown its room', () => {
    expect(sizeOffences(planted('resolvers/x.ts', '\n'.repeat(301)), FILE_MAX_LINES)).toHaveLength(1)
  })
})
