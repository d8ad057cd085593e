/** Told to the user in one line, and no fault of ours. `code` is for programs: the API's, where the API said it. */
export class Trouble extends Error {
  readonly code: string
  readonly details: Record<string, unknown>

  constructor(message: string, { code = 'failed', details = {} }: { code?: string; details?: object } = {}) {
    super(message)
    this.code = code
    this.details = { ...details }
  }
}

/** The words of the command line make no sense: it ends with 2. */
export class Usage extends Trouble {
  constructor(message: string) {
    super(message, { code: 'usage' })
  }
}

/** The connection is gone, or the server is busy: trying again helps. */
export class Lost extends Trouble {
  constructor(message: string, options: { code?: string; details?: object } = {}) {
    super(message, { code: 'unavailable', ...options })
  }
}
