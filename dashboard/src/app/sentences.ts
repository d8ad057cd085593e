import { useLingui } from '@lingui/react/macro'
import type { CombinedError } from '@urql/core'
import { codeOf } from '../graphql/client.ts'

/** An error in the reader's language, with the next step. What the server says of single fields is added as it is. */
export function useSentence(): (error: CombinedError) => string {
  const { t } = useLingui()
  return error => {
    if (error.networkError) return t`The server cannot be reached. Check that it is running, then try again.`
    const message = error.graphQLErrors[0]?.message ?? error.message
    const details = (error.graphQLErrors[0]?.extensions.details ?? {}) as Record<string, unknown>
    const fields = Object.entries(details).map(([field, what]) => `${field.replace(/^input\./, '')} ${String(what)}`)
    switch (codeOf(error)) {
      case 'validation_error':
        return fields.length > 0 ? t`Please correct: ${fields.join('; ')}` : t`Please correct: ${message}`
      case 'unauthorized':
        return t`You are signed out. Sign in again.`
      case 'account_inactive':
        return t`This account is suspended. Ask whoever runs this server.`
      case 'quota_exceeded':
        return t`All messages of your plan are sent. Choose a larger plan under Billing.`
      case 'not_found':
        return t`It is not there, or no longer.`
      case 'duplicate':
        return t`The name is taken. Choose another one.`
      case 'limit_exceeded':
        return t`No more of these can be made. Delete one first.`
      case 'instance_not_connected':
        return t`The instance is not connected. Connect it first.`
      case 'billing_not_configured':
        return t`This server takes no payments. Whoever runs it can set your plan.`
      case 'rate_limited':
        return t`That was too much in a minute. Wait a moment, then try again.`
      case 'unavailable':
        return t`The server is busy. Try again in a moment.`
      default:
        return message
    }
  }
}
