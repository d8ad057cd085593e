import type { Person } from './person.ts'
import { code } from './requests.ts'
import { type Fault, SandboxError } from './sandbox.ts'

/** With this code WhatsApp says that the device was removed: it is, then. */
const LOGGED_OUT = 401

/** Breaks something for the account of this phone. */
export async function injectFault(phone: Person, fault: Fault): Promise<void> {
  const { faults, media } = phone.sim
  const devices = [...phone.companions.values()]
  switch (fault.kind) {
    case 'drop':
      for (const device of devices) device.drop()
      return
    case 'stream_error': {
      const reason = code(fault.code)
      for (const device of devices) {
        if (reason === LOGGED_OUT) device.unlink()
        else device.streamError(reason)
      }
      return
    }
    case 'hold_acks':
      return faults.holdAcks(phone.pn)
    case 'release_acks':
      return faults.releaseAcks(phone.pn)
    case 'duplicate_next':
      return faults.duplicateNextFor(phone.pn)
    case 'refuse_next':
      return faults.refuseNext(phone.pn, code(fault.code))
    case 'unreadable_next':
      return faults.unreadableNextFor(phone.pn)
    case 'expire_media':
      await media.expire(phone.pn)
      for (const group of phone.sim.groupsOf(phone)) await media.expire(group.row.id)
      return
    case 'logout':
      for (const device of devices) device.unlink()
      return
    default:
      throw new SandboxError('invalid', 'unknown fault')
  }
}
