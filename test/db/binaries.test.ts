import { chmod, chown, cp, lstat, mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Binaries, copyForEveryone, installedBinaries, probe } from '../../src/db/binaries.ts'
import { openDatabase } from '../../src/db/open.ts'
import { folder, removeFolder, silent } from './processes.ts'

const NOBODY = { uid: 65534, gid: 65534 }
const isRoot = process.getuid?.() === 0

let root: string
beforeEach(async () => {
  root = await folder()
  await chmod(root, 0o755)
})
afterEach(() => removeFolder(root))

/** The package as npm leaves it in a closed home folder when install scripts may not run. */
async function closedHome(): Promise<Binaries> {
  const installed = (await installedBinaries())!
  const dir = join(root, 'home', 'native')
  await cp(installed.dir, dir, {
    recursive: true,
    filter: async path => !path.endsWith('.a') && !(await lstat(path)).isSymbolicLink(),
  })
  await chmod(join(root, 'home'), 0o700)
  return { ...installed, dir }
}

describe.runIf(isRoot)("PostgreSQL's programs in a folder that only root may enter", () => {
  it('are copied once to where every user can run them', async () => {
    const closed = await closedHome()
    expect(await probe(closed, NOBODY, root)).toMatchObject({ kind: 'fails' })
    const copy = (await copyForEveryone(closed, [join(root, 'cache')]))!
    expect(await probe(copy, NOBODY, root)).toEqual({ kind: 'runs' })
    const { ino } = await lstat(copy.dir)
    expect(await copyForEveryone(closed, [join(root, 'cache')])).toEqual(copy)
    expect((await lstat(copy.dir)).ino).toBe(ino)
  })

  it('are copied again when the copy lost a part, and by two starters at once', async () => {
    const closed = await closedHome()
    const parents = [join(root, 'cache')]
    const [copy, same] = await Promise.all([copyForEveryone(closed, parents), copyForEveryone(closed, parents)])
    expect(same).toEqual(copy)
    await truncate(join(copy!.dir, 'bin', 'postgres'), 10)
    expect(await copyForEveryone(closed, parents)).toEqual(copy)
    expect(await probe(copy!, NOBODY, root)).toEqual({ kind: 'runs' })
  })

  it('are never taken from a folder that another user made or could change', async () => {
    const closed = await closedHome()
    const good = (await copyForEveryone(closed, [join(root, 'good')]))!
    const name = good.dir.split('/').at(-1)!

    const foreign = join(root, 'foreign')
    await mkdir(foreign)
    await cp(good.dir, join(foreign, name), { recursive: true, verbatimSymlinks: true })
    await chown(join(foreign, name), 12345, 12345)
    const open = join(root, 'open')
    await mkdir(open)
    await chmod(open, 0o777)
    const linked = join(root, 'linked')
    await mkdir(linked)
    await symlink(join(foreign, name), join(linked, name))
    for (const parent of [foreign, open, linked]) expect(await copyForEveryone(closed, [parent]), parent).toBeNull()
    expect(await copyForEveryone(closed, [foreign, open, join(root, 'good')])).toEqual(good)
  })
})

describe.runIf(isRoot)('a DATA_DIR that only root may enter', () => {
  it('gets PGlite, says so with its limit, and keeps it', async () => {
    const dataDir = join(root, 'data')
    await mkdir(dataDir, { mode: 0o700 })
    const warnings: string[] = []
    const log = {
      ...silent,
      warn: (fields: object, message: string) => void warnings.push(JSON.stringify(fields) + message),
    }
    const first = await openDatabase({ dataDir, log })
    expect(first.describe).toMatch(/^PostgreSQL \d+\.\d+ \(PGlite\)$/)
    await first.sql.query("insert into tenant (id, name, email) values ('ten_1', 'Acme', 'a@example.com')")
    await first.close()
    expect(warnings.join()).toMatch(/may not be entered.*power failure/)

    await chmod(dataDir, 0o755)
    const second = await openDatabase({ dataDir, log })
    expect(await second.sql.query('select id from tenant')).toEqual([{ id: 'ten_1' }])
    await second.close()
  })
})

describe('a DATA_DIR of PostgreSQL', () => {
  it('whose cluster another major version made is refused with one line', async () => {
    const dataDir = join(root, 'data')
    await mkdir(join(dataDir, 'postgresql'), { recursive: true })
    await writeFile(join(dataDir, 'postgresql', 'PG_VERSION'), '12\n')
    await expect(openDatabase({ dataDir, log: silent })).rejects.toThrow(/was made by PostgreSQL 12/)
  })

  it('whose making was cut short is made anew', async () => {
    const dataDir = join(root, 'data')
    await mkdir(join(dataDir, 'postgresql.new', 'base'), { recursive: true })
    const database = await openDatabase({ dataDir, log: silent })
    expect(await database.sql.query('select count(*)::int as n from tenant')).toEqual([{ n: 0 }])
    await database.close()
  })

  it('whose path is too long for a socket gets a short folder for it', async () => {
    const dataDir = join(root, 'x'.repeat(90))
    const database = await openDatabase({ dataDir, log: silent })
    const socketDir = database.pool.options.host!
    expect(socketDir.length).toBeLessThan(80)
    expect(await database.sql.query('select 1 as n')).toEqual([{ n: 1 }])
    await database.close()
    await expect(lstat(socketDir)).rejects.toThrow('ENOENT')
  })
})
