import { execFileSync } from 'node:child_process'
import { chmod, mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'

/** A small disk of its own in a folder, which can be filled to the last byte. */
export interface Disk {
  fill(): Promise<void>
  clear(): Promise<void>
  close(): Promise<void>
}

export async function mountDisk(dir: string, sizeMb: number): Promise<Disk> {
  await mkdir(dir, { recursive: true })
  // Only root may; a machine on which this is refused cannot tell whether a full disk loses anything.
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMb}m,mode=711`, 'tmpfs', dir])
  await chmod(dir, 0o711)
  const ballast = join(dir, 'ballast')
  return {
    async fill() {
      const file = await open(ballast, 'a')
      try {
        const block = Buffer.alloc(1 << 16)
        for (;;) {
          const { bavail, bsize } = await statfs(dir)
          await file.write(block, 0, Math.min(block.length, Math.max(1, bavail * bsize)))
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        await file.close()
      }
    },
    clear: () => rm(ballast, { force: true }),
    async close() {
      execFileSync('umount', ['-l', dir])
    },
  }
}
