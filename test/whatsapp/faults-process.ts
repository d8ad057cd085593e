/**
 * A process of its own for what must not end one: frames that no server would send, to one of two instances.
 * Prints one line of JSON.
 */
import { openCable } from './cable.ts'
import { openRig, until } from './rig.ts'

const FRAMES = 100

const rig = await openRig({ options: { steadyMs: 0 } })
const other = await openCable(rig.sandbox.network.webSocketUrl)
rig.network.webSocketUrl = other.url
await rig.link('healthy')
rig.network.webSocketUrl = rig.cable.url
await rig.link('broken')
const healthyStates = rig.heard('healthy').states.length
let restarts = 0
for (let i = 0; i < FRAMES; i++) {
  const { length } = rig.heard('broken').states
  // A frame of three bytes that no key opens: decoding throws inside an async listener of Baileys.
  rig.cable.inject(Buffer.from([0, 0, 20, ...Buffer.alloc(20, i + 1)]))
  if (i >= 3) continue
  await until(
    () => rig.heard('broken').states.length >= length + 2 && rig.state('broken') === 'connected',
    'the restart',
  )
  restarts++
}
await until(() => rig.state('broken') === 'connected', 'the last restart', 15_000)
const sent = await rig.send('healthy', '5511988880006', 'fine')
process.stdout.write(
  `${JSON.stringify({
    restarts,
    crashes: rig.errors.filter(e => e.includes('crashed')).length,
    healthyDisturbed: rig.heard('healthy').states.length !== healthyStates,
    sent: sent.kind,
  })}\n`,
)
await rig.close()
await other.close()
process.exit(0)
