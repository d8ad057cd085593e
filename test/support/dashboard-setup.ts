import { buildDashboard } from '../../scripts/build-dashboard.ts'

/** Once for the whole run, and in no process that serves it: a build stands in the way of all else there. */
export default (): Promise<void> => buildDashboard(line => process.stderr.write(`${line}\n`))
