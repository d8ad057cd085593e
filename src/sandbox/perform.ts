import type { Action } from './schedule.ts'
import type { Simulator } from './simulator.ts'

/** The picture that contact 05 answers with: one pixel. */
const PIXEL = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Does what a contact had planned. */
export async function performAction(sim: Simulator, action: Action, atMs: number): Promise<void> {
  try {
    await perform(sim, action, atMs)
  } catch (error) {
    sim.report(error)
  }
}

async function perform(sim: Simulator, action: Action, atMs: number): Promise<void> {
  const account = sim.person(action.to)
  if (action.kind === 'logout') for (const companion of [...account.companions.values()]) companion.unlink()
  else if (action.kind === 'drop') for (const companion of account.companions.values()) companion.drop()
  else if (action.kind === 'receipts') {
    const { chat, id, readAtMs } = action
    const read = readAtMs !== null && atMs >= readAtMs
    await sim.faults.acksReleased(account.pn)
    sim.person(action.by).listener.receipt(account, { chat, id, type: read ? 'read' : undefined })
  } else {
    const { speaker } = sim.person(action.by)
    const to = sim.groups.get(action.chat) ?? account
    if (action.text !== null) await speaker.text(to, action.text, { id: action.id })
    else await speaker.image(to, PIXEL, { id: action.id, mimetype: 'image/png' })
  }
}
