import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import type { ProcessOwner } from './binaries.ts'

/** Where pg looks for a socket when its host is a folder and its port 5432. */
export const SOCKET_NAME = '.s.PGSQL.5432'
/** `sockaddr_un` holds 104 bytes on macOS and 108 on Linux. */
const MAX_SOCKET_PATH = 100
const RUN_PREFIX = 'wataki-run-'

/** Whether a socket in `dir`, and PostgreSQL's lock file beside it, have a path that the kernel takes. */
export function fitsSocket(dir: string): boolean {
  return Buffer.byteLength(join(dir, `${SOCKET_NAME}.lock`)) <= MAX_SOCKET_PATH
}

/** A folder with a short path that only `owner` may enter. */
export async function makeRunDir(owner: ProcessOwner = {}): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), RUN_PREFIX))
  if (owner.uid !== undefined) await chown(dir, owner.uid, owner.gid!)
  return dir
}

/** The name may come from a file that others write: nothing but a folder that `makeRunDir` could have made is removed. */
export async function removeRunDir(dir: string | null): Promise<void> {
  if (dir === null || dirname(dir) !== tmpdir() || !basename(dir).startsWith(RUN_PREFIX)) return
  await rm(dir, { recursive: true, force: true })
}
