import {
  type NetworkCounters,
  type SandboxControl,
  SandboxError,
  type SandboxNetwork,
  type ShownMessage,
} from './sandbox.ts'

/** Longer than the longest wait inside (the client's answer while it is linked, 20 s). */
const TIMEOUT_MS = 30_000
const CODES: readonly SandboxError['code'][] = ['no_qr', 'not_linked', 'unknown_message', 'invalid']

interface Answer {
  result?: unknown
  error?: { code: string; message: string; field?: string | null }
}

/** The calls of a sandbox that runs alone, over its control URL. Rejects with the same errors as the calls in process. */
export function controlClient(controlUrl: string, options: { timeoutMs?: number } = {}): SandboxControl {
  const base = controlUrl.replace(/\/$/, '')
  const call = async <T>(method: string, account?: string, request?: unknown): Promise<T> => {
    const response = await fetch(`${base}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ account, request }),
      signal: AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS),
    })
    const answer = (await response.json()) as Answer
    if (!answer.error) return answer.result as T
    const { code, message, field } = answer.error
    const known = CODES.find(c => c === code)
    throw known ? new SandboxError(known, message, field) : new Error(`the sandbox failed: ${message}`)
  }
  return {
    network: () => call<SandboxNetwork>('network'),
    counters: () => call<NetworkCounters>('counters'),
    scan: (account, request) => call('scan', account, request),
    enterCode: (account, request) => call('enterCode', account, request),
    sendMessage: (account, request) => call('sendMessage', account, request),
    sendFromPhone: (account, request) => call('sendFromPhone', account, request),
    messages: (account, request) => call<ShownMessage[]>('messages', account, request),
    reaction: async (account, request) => void (await call('reaction', account, request)),
    editMessage: async (account, request) => void (await call('editMessage', account, request)),
    deleteMessage: async (account, request) => void (await call('deleteMessage', account, request)),
    group: (account, request) => call('group', account, request),
    changeGroup: (account, request) => call('changeGroup', account, request),
    phoneChats: async (account, request) => void (await call('phoneChats', account, request)),
    readOnPhone: async (account, request) => void (await call('readOnPhone', account, request)),
    receipt: async (account, request) => void (await call('receipt', account, request)),
    fault: async (account, fault) => void (await call('fault', account, fault)),
    forget: async account => void (await call('forget', account)),
  }
}
