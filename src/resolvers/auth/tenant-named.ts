import { emailOf } from './email.ts'

/** How the operator names a tenant: by one of the two. */
export interface TenantName {
  id?: string
  email?: string
}

/** What is no address is nobody's. */
export const tenantNamed = ({ id, email }: TenantName): { id: string | null; email: string | null } => ({
  id: id ?? null,
  email: email === undefined ? null : (emailOf(email) ?? ''),
})
