import './auth.ts'
import './chats.ts'
import './contacts.ts'
import './events.ts'
import './instances.ts'
import './media.ts'
import './messages.ts'
import './relations.ts'
import './sandbox.ts'
import { builder } from './builder.ts'
import { withOnce } from './once.ts'

/** The single source of truth of both doors. `sortSchema: false` keeps the order in which chapters write their fields. */
export const schema = withOnce(builder.toSchema({ sortSchema: false }))
