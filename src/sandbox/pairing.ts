import { randomBytes } from 'node:crypto'
import type { Connection } from './connection.ts'
import type { BinaryNode } from './wa.ts'

const REFS_PER_CONNECTION = 6

/** A client that asked for a code: its wrapped ephemeral key. */
export interface CodeRequest {
  conn: Connection
  wrappedEphemeral: Buffer
}

/** Connections that are not linked yet, by the QR refs they were given and the numbers they asked a code for. */
export class Pairing {
  readonly #byRef = new Map<string, Connection>()
  readonly #refsOf = new Map<Connection, string[]>()
  readonly #requests = new Map<string, CodeRequest>()
  readonly #numberOf = new Map<Connection, string>()
  readonly #awaited = new Map<string, Set<() => void>>()
  readonly #finishes = new Map<Connection, (node: BinaryNode | undefined) => void>()

  issue(conn: Connection): string[] {
    const refs = Array.from({ length: REFS_PER_CONNECTION }, () => `2@${randomBytes(48).toString('base64url')}`)
    for (const ref of refs) this.#byRef.set(ref, conn)
    this.#refsOf.set(conn, refs)
    return refs
  }

  byRef(ref: string): Connection | undefined {
    return this.#byRef.get(ref)
  }

  codeRequested(pn: string, request: CodeRequest): void {
    this.#requests.set(pn, request)
    this.#numberOf.set(request.conn, pn)
    for (const wake of this.#awaited.get(pn) ?? []) wake()
  }

  /** `requestPairingCode()` resolves before its stanza is here, so a quick typist waits a little. */
  async requestFor(pn: string, timeoutMs = 2_000): Promise<CodeRequest | undefined> {
    if (!this.#requests.has(pn)) {
      const waiting = this.#awaited.get(pn) ?? new Set()
      this.#awaited.set(pn, waiting)
      await new Promise<void>(resolve => {
        const done = () => {
          clearTimeout(timer)
          waiting.delete(done)
          if (waiting.size === 0) this.#awaited.delete(pn)
          resolve()
        }
        const timer = setTimeout(done, timeoutMs)
        waiting.add(done)
      })
    }
    return this.#requests.get(pn)
  }

  /** Resolves with the client's last word; `undefined` when it hangs up first. */
  finishOf(conn: Connection): Promise<BinaryNode | undefined> {
    return new Promise(resolve => this.#finishes.set(conn, resolve))
  }

  finished(conn: Connection, node: BinaryNode | undefined): void {
    this.#finishes.get(conn)?.(node)
    this.#finishes.delete(conn)
  }

  forget(conn: Connection): void {
    for (const ref of this.#refsOf.get(conn) ?? []) this.#byRef.delete(ref)
    this.#refsOf.delete(conn)
    const pn = this.#numberOf.get(conn)
    if (pn !== undefined && this.#requests.get(pn)?.conn === conn) this.#requests.delete(pn)
    this.#numberOf.delete(conn)
    this.finished(conn, undefined)
  }

  close(): void {
    for (const wakes of this.#awaited.values()) for (const wake of [...wakes]) wake()
  }
}
