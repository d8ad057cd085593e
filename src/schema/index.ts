import './auth.ts'
import './billing.ts'
import './chats.ts'
import './contacts.ts'
import './events.ts'
import './instances.ts'
import './media.ts'
import './messages.ts'
import './nodes.ts'
import './observability.ts'
import './relations.ts'
import './sandbox.ts'
import './webhooks.ts'
import './deliveries.ts'
import { builder } from './builder.ts'
import { eachForItself } from './mutations.ts'

/** The single source of truth of both doors. `sortSchema: false` keeps the order in which chapters write their fields. */
export const schema = eachForItself(builder.toSchema({ sortSchema: false }))
