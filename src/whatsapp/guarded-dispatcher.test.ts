import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { guardedDispatcher } from './guarded-dispatcher.ts'

test('what Baileys fetches by itself reaches the one media host, and no other', async () => {
  let served = 0
  const server = http.createServer((_, response) => {
    served++
    response.end('bytes')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const get = (url: string, ownHost: string | null) =>
    fetch(url, { dispatcher: guardedDispatcher(ownHost) } as RequestInit).then(answer => answer.text())
  const own = `http://127.0.0.1:${port}`
  expect(await get(`${own}/x`, own)).toBe('bytes')
  await expect(get(`http://localhost:${port}/x`, own)).rejects.toThrow()
  await expect(get(`${own}/x`, null)).rejects.toThrow()
  await expect(get('https://mmg.whatsapp.net/x', own)).rejects.toThrow()
  expect(served).toBe(1)
  server.close()
})
