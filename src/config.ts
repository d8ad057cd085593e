import { existsSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import {
  cidrs,
  headerSecret,
  httpOrigin,
  MEDIA_LIMIT_BYTES,
  mailAddress,
  mediaStorage,
  milliseconds,
  origins,
  port,
  priceIds,
  RATE_LIMIT_MAX,
  rootKey,
  secret,
  text,
  url,
} from './checks.ts'

/** As package.json says. */
export const VERSION: string = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')).version

/** Every environment variable once: its name, meaning, default and check. `.env.example` lists the same. */

/** What may be in a file that `…_FILE` names, in place of the value. */
const SECRETS = {
  DATABASE_URL: url('postgres:', 'postgresql:'),
  SMTP_URL: url('smtp:', 'smtps:'),
  SECRET_KEY: secret,
  SECRET_KEY_PREVIOUS: secret,
  OPERATOR_KEY: headerSecret,
  METRICS_TOKEN: headerSecret,
}

const environment = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  PORT: port.default(3000),
  HOST: text.optional(),
  PUBLIC_URL: url('http:', 'https:').optional(),
  DATABASE_URL: SECRETS.DATABASE_URL.optional(),
  DATABASE_URL_FILE: text.optional(),
  DATA_DIR: text.default('./data'),
  ALLOW_PGLITE: z.enum(['true', 'false']).default('false'),
  SECRET_KEY: SECRETS.SECRET_KEY.optional(),
  SECRET_KEY_FILE: text.optional(),
  SECRET_KEY_PREVIOUS: SECRETS.SECRET_KEY_PREVIOUS.optional(),
  SECRET_KEY_PREVIOUS_FILE: text.optional(),
  OPERATOR_KEY: SECRETS.OPERATOR_KEY.optional(),
  OPERATOR_KEY_FILE: text.optional(),
  METRICS_PORT: port.optional(),
  METRICS_HOST: text.optional(),
  METRICS_TOKEN: SECRETS.METRICS_TOKEN.optional(),
  METRICS_TOKEN_FILE: text.optional(),
  SMTP_URL: SECRETS.SMTP_URL.optional(),
  SMTP_URL_FILE: text.optional(),
  MAIL_FROM: mailAddress.optional(),
  RATE_LIMIT_PER_MINUTE: z.coerce.number().int().min(1).max(RATE_LIMIT_MAX).default(60),
  REQUESTS_AT_ONCE: z.coerce.number().int('must be a whole number').min(1).max(10_000).default(6),
  CONNECTIONS_MAX: z.coerce.number().int('must be a whole number').min(1).max(1_000_000).default(5000),
  MESSAGES_WAITING_MAX: z.coerce.number().int('must be a whole number').min(1).max(10_000_000).default(10_000),
  QUOTA: z.enum(['on', 'off']).default('on'),
  MEDIA_MAX_BYTES: z.coerce.number().int('must be a whole number').min(1).max(MEDIA_LIMIT_BYTES).default(15_728_640),
  MEDIA_STORAGE: mediaStorage.default('file'),
  AWS_ENDPOINT_URL_S3: url('http:', 'https:').optional(),
  AWS_ENDPOINT_URL: url('http:', 'https:').optional(),
  WEBHOOK_ALLOW_HTTP: z.enum(['true', 'false']).optional(),
  WEBHOOK_ALLOWED_NETWORKS: cidrs.default([]),
  WEBHOOK_RETRY_BASE_MS: milliseconds.default(5000),
  WEBHOOK_TIMEOUT_MS: milliseconds.default(10_000),
  WEBHOOK_DISABLE_AFTER_HOURS: z.coerce.number().int('must be a whole number').min(1).max(24_000).default(120),
  CORS_ORIGINS: origins.default([]),
  TRUST_PROXY: cidrs.default([]),
  STRIPE_SECRET_KEY: text.regex(/^(sk|rk)_(test|live)_\w+$/, 'must be a secret key such as sk_test_…').optional(),
  STRIPE_WEBHOOK_SECRET: text.regex(/^whsec_\w+$/, 'must be a signing secret such as whsec_…').optional(),
  STRIPE_PRICE_GROWTH: priceIds.optional(),
  STRIPE_PRICE_SCALE: priceIds.optional(),
  STRIPE_API_URL: httpOrigin.optional(),
  STRIPE_SANDBOX_PORT: port.default(3002),
  SANDBOX: z.enum(['on', 'off']).optional(),
  SANDBOX_URL: url('http:').optional(),
  SANDBOX_PORT: port.default(3001),
  SANDBOX_QR_SECONDS: z.coerce.number().int('must be a whole number').min(1).max(60).optional(),
  WHATSAPP_WS_URL: url('ws:', 'wss:').optional(),
  WHATSAPP_MEDIA_URL: url('http:').optional(),
  WHATSAPP_ROOT_KEY: rootKey.optional(),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

export interface Config {
  /** Of this Wataki. */
  version: string
  production: boolean
  host: string
  port: number
  publicUrl: string
  /** Null: the embedded database in `dataDir`. */
  databaseUrl: string | null
  dataDir: string
  /** PGlite will do in production. */
  allowPGlite: boolean
  /** Null: made once and kept in `dataDir`. */
  secretKey: string | null
  /** Opens what was sealed under it, and seals nothing. */
  previousSecretKey: string | null
  /** Opens what is for the operator of this server alone. Null: nothing does. */
  operatorKey: string | null
  metrics: MetricsSettings
  /** Null: links to sign in are printed to the log. */
  smtp: { url: string; from: string } | null
  /** Of one tenant's API keys; also of an address that nobody is signed in from. */
  rateLimitPerMinute: number
  /** Worked on, in this process; the others wait in line. */
  requestsAtOnce: number
  /** Open, of this process. */
  connectionsMax: number
  /** Of one instance, until WhatsApp has them. */
  messagesWaitingMax: number
  /** Whether a plan's included messages are a limit. */
  quota: boolean
  /** Of one upload. */
  mediaMaxBytes: number
  /** Null: files below `dataDir`. */
  mediaBucket: { bucket: string; prefix: string; endpoint: string | null } | null
  webhooks: {
    allowHttp: boolean
    /** CIDRs to which the block of private addresses does not apply. */
    allowedNetworks: readonly string[]
    retryBaseMs: number
    timeoutMs: number
    /** A webhook that takes nothing for so long is deactivated. */
    disableAfterMs: number
  }
  /** Null: billing is off. */
  stripe: StripeSettings | null
  /** The port of a stand-in for Stripe. */
  stripeSandboxPort: number
  /** Whose pages may call with an API key, never with cookies. */
  corsOrigins: readonly string[]
  /** CIDRs of proxies whose `X-Forwarded-For` counts. */
  trustProxy: readonly string[]
  /** Null: off. `controlUrl` null: it runs in this process. `qrLifeMs` null: its QR codes live as long as WhatsApp's. */
  sandbox: { controlUrl: string | null; qrLifeMs: number | null } | null
  /** The port of a sandbox that runs alone. */
  sandboxPort: number
  /** Where ordinary instances connect; nulls mean WhatsApp's own network. */
  whatsapp: { webSocketUrl: string | null; mediaUrl: string | null; rootKey: Uint8Array | null }
  logLevel: string
  /** Sentences about settings that work and had better be otherwise. */
  warnings: readonly string[]
}

export interface MetricsSettings {
  /** Where a listener of its own tells them. Null: the server's own listener does, if any. */
  own: { host: string; port: number } | null
  /** What is to be sent as `Authorization: Bearer`. Null: nothing. */
  token: string | null
  /** Whether the server's own listener tells them. */
  onMain: boolean
}

export interface StripeSettings {
  secretKey: string
  webhookSecret: string
  /** Of each plan that is paid for: the first is what is sold, the others were before and still are that plan. */
  prices: { growth: readonly string[]; scale: readonly string[] }
  /** Null: Stripe's own. */
  apiUrl: string | null
}

/** The message is one line that names the variable. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Reads `.env` in the working directory (without overriding what is set) and the environment, once. */
export function readConfig(variables: Record<string, string | undefined> = fromProcess()): Config {
  // An empty value, as compose files write it, means unset.
  const present = Object.fromEntries(
    Object.entries(variables).filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = environment.safeParse(present)
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!
    throw new ConfigError(`${String(path[0])}: ${message}`)
  }
  const env = parsed.data
  const production = env.NODE_ENV === 'production'
  const sandboxOn = (env.SANDBOX ?? (production ? 'off' : 'on')) === 'on'
  const warnings: string[] = []
  const given = (name: keyof typeof SECRETS) => secretIn(env, name, warnings)
  const secretKey = given('SECRET_KEY')
  if (production && !secretKey) throw new ConfigError('SECRET_KEY: is required in production (or SECRET_KEY_FILE)')
  const previousSecretKey = given('SECRET_KEY_PREVIOUS')
  const operatorKey = given('OPERATOR_KEY')
  if (operatorKey !== null && [secretKey, previousSecretKey].includes(operatorKey)) {
    throw new ConfigError('OPERATOR_KEY: must be another one than SECRET_KEY, which never leaves the server')
  }
  const metrics = metricsIn(env, given('METRICS_TOKEN'), [secretKey, previousSecretKey, operatorKey])
  // Each is of no use, or dangerous, without the others: media would go to WhatsApp, or trust to its root.
  const names = ['WHATSAPP_WS_URL', 'WHATSAPP_MEDIA_URL', 'WHATSAPP_ROOT_KEY'] as const
  const missing = names.filter(name => env[name] === undefined)
  if (missing.length === 1 || missing.length === 2) {
    throw new ConfigError(`${missing[0]}: is required, as the other WHATSAPP_ settings are set`)
  }
  const publicUrl = (env.PUBLIC_URL ?? `http://localhost:${env.PORT}`).replace(/\/+$/, '')
  const smtpUrl = given('SMTP_URL')
  const mailFrom = env.MAIL_FROM ?? `Wataki <no-reply@${new URL(publicUrl).hostname}>`
  return Object.freeze({
    version: VERSION,
    production,
    host: env.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
    port: env.PORT,
    publicUrl,
    databaseUrl: given('DATABASE_URL'),
    dataDir: resolve(env.DATA_DIR),
    allowPGlite: env.ALLOW_PGLITE === 'true',
    secretKey,
    previousSecretKey,
    operatorKey,
    metrics,
    smtp: smtpUrl === null ? null : { url: smtpUrl, from: mailFrom },
    rateLimitPerMinute: env.RATE_LIMIT_PER_MINUTE,
    requestsAtOnce: env.REQUESTS_AT_ONCE,
    connectionsMax: env.CONNECTIONS_MAX,
    messagesWaitingMax: env.MESSAGES_WAITING_MAX,
    quota: env.QUOTA === 'on',
    mediaMaxBytes: env.MEDIA_MAX_BYTES,
    mediaBucket: bucketOf(env.MEDIA_STORAGE, env.AWS_ENDPOINT_URL_S3 ?? env.AWS_ENDPOINT_URL ?? null),
    webhooks: {
      allowHttp: env.WEBHOOK_ALLOW_HTTP ? env.WEBHOOK_ALLOW_HTTP === 'true' : !production,
      allowedNetworks: env.WEBHOOK_ALLOWED_NETWORKS,
      retryBaseMs: env.WEBHOOK_RETRY_BASE_MS,
      timeoutMs: env.WEBHOOK_TIMEOUT_MS,
      disableAfterMs: env.WEBHOOK_DISABLE_AFTER_HOURS * 3_600_000,
    },
    stripe: stripeIn(env),
    stripeSandboxPort: env.STRIPE_SANDBOX_PORT,
    corsOrigins: env.CORS_ORIGINS,
    trustProxy: env.TRUST_PROXY,
    sandbox: sandboxOn
      ? {
          controlUrl: env.SANDBOX_URL ?? null,
          qrLifeMs: env.SANDBOX_QR_SECONDS === undefined ? null : env.SANDBOX_QR_SECONDS * 1000,
        }
      : null,
    sandboxPort: env.SANDBOX_PORT,
    whatsapp: {
      webSocketUrl: env.WHATSAPP_WS_URL ?? null,
      mediaUrl: env.WHATSAPP_MEDIA_URL ?? null,
      rootKey: env.WHATSAPP_ROOT_KEY ? Buffer.from(env.WHATSAPP_ROOT_KEY, 'base64') : null,
    },
    logLevel: env.LOG_LEVEL,
    warnings,
  })
}

/** On a port of its own, to who has a token, or outside production. */
function metricsIn(
  env: z.infer<typeof environment>,
  token: string | null,
  secrets: (string | null)[],
): MetricsSettings {
  const { METRICS_PORT: port, METRICS_HOST: host, PORT } = env
  if (token !== null && secrets.includes(token)) throw new ConfigError('METRICS_TOKEN: must be used for nothing else')
  if (port === undefined && host !== undefined) throw new ConfigError('METRICS_HOST: is of no use without METRICS_PORT')
  if (port !== undefined && port !== 0 && port === PORT)
    throw new ConfigError('METRICS_PORT: must be another than PORT')
  const own = port === undefined ? null : { port, host: host ?? '127.0.0.1' }
  return { own, token, onMain: own === null && (token !== null || env.NODE_ENV !== 'production') }
}

/** None of them, or all: who has paid must not find that nobody hears of it. */
function stripeIn(env: z.infer<typeof environment>): StripeSettings | null {
  const names = ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'STRIPE_PRICE_GROWTH', 'STRIPE_PRICE_SCALE'] as const
  const missing = names.filter(name => env[name] === undefined)
  if (missing.length === names.length && env.STRIPE_API_URL === undefined) return null
  if (missing.length > 0) throw new ConfigError(`${missing[0]}: is required, as other STRIPE_ settings are set`)
  const prices = { growth: env.STRIPE_PRICE_GROWTH!, scale: env.STRIPE_PRICE_SCALE! }
  const shared = prices.scale.find(id => prices.growth.includes(id))
  if (shared) throw new ConfigError(`STRIPE_PRICE_SCALE: ${shared} is a price in STRIPE_PRICE_GROWTH, too`)
  return {
    secretKey: env.STRIPE_SECRET_KEY!,
    webhookSecret: env.STRIPE_WEBHOOK_SECRET!,
    prices,
    apiUrl: env.STRIPE_API_URL ?? null,
  }
}

function bucketOf(storage: string, endpoint: string | null): Config['mediaBucket'] {
  if (storage === 'file') return null
  const [bucket, ...prefix] = storage.slice('s3://'.length).split('/')
  return { bucket: bucket!, prefix: prefix.filter(Boolean).join('/'), endpoint }
}

export interface ClientSettings {
  url: string | null
  /** For whatever server the command names. */
  apiKey: string | null
  /** For the server of these settings: what a folder's `.env` says of the server gets no key from outside the folder. */
  apiKeyOfUrl: string | null
  port: string
  configDir: string
}

/** What a client of some server finds around it, in the same places as a server's settings. */
export function readClientSettings(): ClientSettings {
  const own = process.env
  const file = existsSync('.env') ? parseEnv(readFileSync('.env', 'utf8')) : {}
  const apiKey = own.WATAKI_API_KEY || file.WATAKI_API_KEY || null
  const isOfFile = !own.WATAKI_URL && Boolean(file.WATAKI_URL)
  const { XDG_CONFIG_HOME = '' } = own
  // By the rules of XDG a path that is not absolute counts as none.
  const home = isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : join(homedir(), '.config')
  return {
    url: own.WATAKI_URL || file.WATAKI_URL || null,
    apiKey,
    apiKeyOfUrl: isOfFile ? file.WATAKI_API_KEY || null : apiKey,
    port: own.PORT || file.PORT || '3000',
    configDir: join(home, 'wataki'),
  }
}

/** By the convention of no-color.org. */
export const wantsColour = (): boolean => !process.env.NO_COLOR

function fromProcess(): Record<string, string | undefined> {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return process.env
}

const READABLE_BY_ALL = 0o004

/** The value itself, or what the file holds that is named in its place. */
function secretIn(env: z.infer<typeof environment>, name: keyof typeof SECRETS, warnings: string[]): string | null {
  const path = env[`${name}_FILE`]
  if (path === undefined) return env[name] ?? null
  if (env[name] !== undefined)
    throw new ConfigError(`${name}_FILE: is set and so is ${name}; which of the two is meant?`)
  let content: string
  try {
    content = readFileSync(path, 'utf8').trim()
    // Where nobody else lives, as in a container whose orchestrator mounts it so, that does no harm: no reason to stop.
    if (statSync(path).mode & READABLE_BY_ALL) {
      warnings.push(`${name}_FILE: every user of this machine can read it; chmod 600 keeps it to the server`)
    }
  } catch (error) {
    throw new ConfigError(`${name}_FILE: cannot be read (${(error as Error).message})`)
  }
  const checked = SECRETS[name].safeParse(content)
  if (checked.success) return checked.data
  throw new ConfigError(`${name}_FILE: what it holds ${checked.error.issues[0]!.message}`)
}
