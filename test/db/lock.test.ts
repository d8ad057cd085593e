import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockDataDir } from '../../src/db/lock.ts'
import { openDatabase } from '../../src/db/open.ts'
import { endHolders, folder, holder, removeFolder, silent } from './processes.ts'

let dataDir: string
beforeEach(async () => void (dataDir = await folder()))
afterEach(async () => {
  await endHolders()
  await removeFolder(dataDir)
})

describe('two servers on one DATA_DIR', () => {
  it('the second stops at once with one line that names the first, which goes on', async () => {
    const first = await holder(dataDir, 'write')
    const startedMs = performance.now()
    const second = await holder(dataDir, 'hold')
    expect(await second.exit).toBe(1)
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    expect(second.first).toMatchObject({ name: 'DataDirInUse', refused: expect.stringContaining(`pid ${first.pid}`) })
    expect(second.first.refused).not.toContain('\n')
    const acked = first.lines.length
    await first.until(() => first.lines.length > acked + 10)
  })

  it('a holder whose event loop is blocked, or that is stopped, keeps its lock', async () => {
    const first = await holder(dataDir, 'block')
    process.kill(first.pid, 'SIGSTOP')
    const second = await holder(dataDir, 'hold')
    expect(second.first.refused).toContain(`pid ${first.pid}`)
    await first.kill('SIGKILL')
  })

  it('after kill -9 the lock is taken over within 3 s', async () => {
    const first = await holder(dataDir, 'hold')
    await first.kill('SIGKILL')
    const startedMs = performance.now()
    const second = await holder(dataDir, 'hold')
    expect(second.first.ready).toMatch(/^PostgreSQL/)
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  it('a command of the operator joins the running database instead', async () => {
    await holder(dataDir, 'hold')
    const database = await openDatabase({ dataDir, log: silent, join: true })
    try {
      expect(database.describe).toMatch(/embedded, joined/)
      expect(await database.sql.query('select count(*)::int as n from tenant')).toEqual([{ n: 0 }])
    } finally {
      await database.close()
    }
  })

  it('one process cannot take the lock twice, and can again once it let go', async () => {
    const lock = await lockDataDir(dataDir)
    await expect(lockDataDir(dataDir)).rejects.toThrow(`pid ${process.pid}`)
    lock.release()
    const again = await lockDataDir(dataDir)
    again.release()
  })
})

it('a DATA_DIR that cannot be written stops the start with one line', async () => {
  const file = `${dataDir}/file`
  await writeFile(file, '')
  const error = await openDatabase({ dataDir: `${file}/data`, log: silent }).catch((failure: Error) => failure)
  expect(error).toMatchObject({
    name: 'DatabaseStartError',
    message: expect.stringMatching(/^cannot make DATA_DIR .*\/data: [^\n]+$/),
  })
})
