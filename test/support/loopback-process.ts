import { refuseOthers } from './loopback.ts'

/** Loaded by `--import`: the same for a process that a test starts; what it prints tells. */
refuseOthers(host => process.stderr.write(`WOULD CONNECT TO ${host}\n`))
