import type { Context } from '../../context.ts'
import { CHECK_YOUR_EMAIL, requestLink } from './request-link.ts'

/** The same answer for every address; a letter goes to those that have an account. */
export async function login(ctx: Context, input: { email: string }): Promise<{ message: string }> {
  await requestLink(ctx, { email: input.email, name: null })
  return CHECK_YOUR_EMAIL
}
