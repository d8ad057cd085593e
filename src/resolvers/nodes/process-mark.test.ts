import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { hasEnded, isGone, markOf, readStat } from './process-mark.ts'

const sleeper = async () => {
  const child = spawn('sleep', ['60'])
  await once(child, 'spawn')
  return { child, mark: markOf(child.pid) }
}

it('tells of a process that it has ended once it has, and not before', async () => {
  const { child, mark } = await sleeper()
  expect(isGone(markOf())).toBe(false)
  expect(isGone(mark)).toBe(false)
  child.kill('SIGSTOP')
  expect(isGone(mark)).toBe(false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isGone(mark)).toBe(true)
})

it('takes another process of the same number for another', async () => {
  const { child, mark } = await sleeper()
  const [boot, namespace, pid, startedAt] = mark.split(' ')
  expect(isGone(`${boot} ${namespace} ${pid} ${Number(startedAt) - 1}`)).toBe(true)
  child.kill('SIGKILL')
})

it('knows nothing of other machines, of other namespaces, and of what cannot be read', () => {
  const [boot, namespace] = markOf().split(' ')
  // No process has so high a number: on this machine it would have ended.
  expect(isGone(`${boot} ${namespace} 99999999 1`)).toBe(true)
  expect(isGone(`another ${namespace} 99999999 1`)).toBe(false)
  expect(isGone(`${boot} pid:[1] 99999999 1`)).toBe(false)
  expect(isGone('')).toBe(false)
})

it('takes a killed process for one that lives until the last of its threads has ended, for its sockets are open till then', () => {
  const line = (threads: number, state = 'Z') =>
    readStat(
      `31749 (node) x) ${state} 31748 31745 13593 0 -1 4227084 567 0 3 0 2 0 0 0 20 0 ${threads} 0 3891186 0 0 18446744073709551615`,
    )
  expect(line(2).startedAt).toBe('3891186')
  expect(hasEnded(line(2))).toBe(false)
  expect(hasEnded(line(1))).toBe(true)
  expect(hasEnded(line(2, 'X'))).toBe(true)
  expect(hasEnded(line(1, 'T'))).toBe(false)
})
