import type { Context } from '../../context.ts'
import { CHECK_YOUR_EMAIL, requestLink } from './request-link.ts'

/** The account is made when the mailed link is used; a known address gets a link to sign in. */
export async function signup(ctx: Context, input: { name: string; email: string }): Promise<{ message: string }> {
  await requestLink(ctx, { email: input.email, name: input.name.trim() })
  return CHECK_YOUR_EMAIL
}
