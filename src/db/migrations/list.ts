import { M0001FirstTables } from './m0001-first-tables.ts'
import { M0002Accounts } from './m0002-accounts.ts'
import { M0003RateBuckets } from './m0003-rate-buckets.ts'
import { M0004Messages } from './m0004-messages.ts'
import { M0005Webhooks } from './m0005-webhooks.ts'
import { M0006Nodes } from './m0006-nodes.ts'
import { M0007Billing } from './m0007-billing.ts'
import { M0008Rollups } from './m0008-rollups.ts'
import { M0009Timeline } from './m0009-timeline.ts'
import { M0010Overload } from './m0010-overload.ts'
import { M0011PendingDue } from './m0011-pending-due.ts'

/** In the order they run. Append only: a migration that was released never changes. */
export const MIGRATIONS = [
  { name: 'm0001-first-tables', class: M0001FirstTables },
  { name: 'm0002-accounts', class: M0002Accounts },
  { name: 'm0003-rate-buckets', class: M0003RateBuckets },
  { name: 'm0004-messages', class: M0004Messages },
  { name: 'm0005-webhooks', class: M0005Webhooks },
  { name: 'm0006-nodes', class: M0006Nodes },
  { name: 'm0007-billing', class: M0007Billing },
  { name: 'm0008-rollups', class: M0008Rollups },
  { name: 'm0009-timeline', class: M0009Timeline },
  { name: 'm0010-overload', class: M0010Overload },
  { name: 'm0011-pending-due', class: M0011PendingDue },
]
